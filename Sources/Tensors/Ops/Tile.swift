/// The whole tensor `count` times, one after the other along a dimension. ONNX Tile of one axis.
public struct Tile: Op {
  public static let name = "tile"
  public let axis: Int
  public let count: Int

  public init(axis: Int, count: Int) {
    self.axis = axis
    self.count = count
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    try require((0...Shape.maximumCount).contains(count), "count cannot be negative, got \(count)")
    var dims = s[0].dims
    let (extent, overflow) = dims[axis].multipliedReportingOverflow(by: count)
    dims[axis] = overflow ? .max : extent
    return try Shape(checking: dims, for: name)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype)
    for i in 0..<count { part(i, of: y, t[0].shape).copyElements(from: t[0]) }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let dx = try Tensor.zeros(record.inputs[0].shape, dy.dtype)
    for i in 0..<count { try dx.addInPlace(part(i, of: dy, dx.shape)) }
    return [dx]
  }

  private func part(_ i: Int, of y: Tensor, _ shape: Shape) -> Tensor {
    y.view(shape, strides: y.strides, offset: y.offset + i * shape[axis] * y.strides[axis])
  }
}
