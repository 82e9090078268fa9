/// The same elements, in row-major order, under another shape. A view where the strides allow. ONNX Reshape.
///
/// The first extent may be -1 in `target`: it follows from the number of elements, so that a captured graph
/// accepts any batch size.
public struct Reshape: Op {
  public static let name = "reshape"
  public let target: [Int]
  public init(_ target: [Int]) { self.target = target }

  public func shape(of s: [Shape]) throws -> Shape {
    guard let free = target.firstIndex(of: -1) else {
      let shape = try Shape(checking: target, for: name)
      try require(
        shape.elements == s[0].elements,
        "\(s[0]) has \(s[0].elements) elements, \(shape) has \(shape.elements)")
      return shape
    }
    var dims = target
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
