/// The same elements, in row-major order, under another shape. A view where the strides allow. ONNX Reshape.
///
/// One extent may be -1 in `target`: it follows from the number of elements. `keep` is the input's extent in the same
/// place. Both let a graph accept any batch size.
public struct Reshape: Op {
  public static let name = "reshape"
  /// In a target: the extent that the input has there (0 in ONNX's Reshape).
  public static let keep = -2
  public let target: [Int]
  public init(_ target: [Int]) { self.target = target }

  public func shape(of s: [Shape]) throws -> Shape {
    var dims = target
    for i in dims.indices where dims[i] == Self.keep {
      try require(i < s[0].rank, "\(s[0]) has no dimension \(i + 1) to keep")
      dims[i] = s[0][i]
    }
    guard let free = dims.firstIndex(of: -1) else {
      let shape = try Shape(checking: dims, for: name)
      try require(
        shape.elements == s[0].elements,
        "\(s[0]) has \(s[0].elements) elements, \(shape) has \(shape.elements)")
      return shape
    }
    dims[free] = 1
    let rest = try Shape(checking: dims, for: name).elements
    try require(
      rest > 0 && s[0].elements % rest == 0,
      "the \(s[0].elements) elements of \(s[0]) do not divide into \(target)")
    dims[free] = s[0].elements / rest
    return Shape(dims)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].contiguous()
    return x.view(context.shape, strides: context.shape.contiguousStrides)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try Reshape(record.inputs[0].shape.dims)(dy)]
  }
}

extension Tensor {
  public func reshaped(_ target: Shape) throws -> Tensor {
    shape == target ? self : try Reshape(target.dims)(self)
  }
}
