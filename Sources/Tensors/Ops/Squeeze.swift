/// Drops a dimension of extent 1; a view. ONNX Squeeze of one axis.
public struct Squeeze: Op {
  public static let name = "squeeze"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    try require(
      s[0][axis] == 1, "dimension \(axis + 1) of \(s[0]) has extent \(s[0][axis]), only 1 can be dropped")
    return s[0].removing(at: axis)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    t[0].view(context.shape, strides: t[0].strides.removing(at: axis))
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [try Unsqueeze(axis: axis)(dy)] }
}

/// Puts in a dimension of extent 1 before dimension `axis`; a view. ONNX Unsqueeze of one axis.
public struct Unsqueeze: Op {
  public static let name = "unsqueeze"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    try require((0...s[0].rank).contains(axis), "\(s[0]) has no place for a new dimension \(axis + 1)")
    try require(
      s[0].rank < Shape.maximumRank, "a tensor has at most \(Shape.maximumRank) dimensions, got \(s[0])")
    return inserting(1, into: s[0])
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    t[0].view(context.shape, strides: inserting(1, into: t[0].strides))
  }

  private func inserting(_ number: Int, into shape: Shape) -> Shape {
    var dims = shape.dims
    dims.insert(number, at: axis)
    return Shape(dims)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [try Squeeze(axis: axis)(dy)] }
}
