/// The dimensions before `axis` as one and those from it on as another, in row-major order. ONNX Flatten.
///
/// An op of its own, not a reshape, so that a captured graph accepts any batch size.
public struct Flatten: Op {
  public static let name = "flatten"
  public let axis: Int
  public init(axis: Int = 1) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      (0...s[0].rank).contains(axis), "\(s[0]) has \(s[0].rank) dimensions, there is no dimension \(axis + 1)"
    )
    return [s[0][..<axis].reduce(1, *), s[0][axis...].reduce(1, *)]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try t[0].contiguous().view(context.shape, strides: context.shape.contiguousStrides)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try dy.reshaped(record.inputs[0].shape)]
  }
}
