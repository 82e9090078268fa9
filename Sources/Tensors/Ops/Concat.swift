/// The inputs one after the other along one dimension. ONNX Concat.
public struct Concat: Op {
  public static let name = "concat"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    guard let first = s.first else { throw ShapeError(name, "needs at least one tensor") }
    try requireAxis(axis, of: first)
    for other in s.dropFirst() {
      try require(
        other.rank == first.rank && other.replacing(axis, with: 0) == first.replacing(axis, with: 0),
        "shapes \(first) and \(other) differ in more than dimension \(axis + 1)")
    }
    return first.replacing(axis, with: s.reduce(0) { $0 + $1[axis] })
  }

  public func dtype(of types: [DType]) throws -> DType {
    for type in types { try require(type == types[0], "element types \(types[0]) and \(type) differ") }
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype, format: t[0].format)
    var start = 0
    for x in t {
      part(of: y, x.shape, start).copyElements(from: x)
      start += x.shape[axis]
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    var start = 0
    return zip(record.inputs, record.needs).map { x, needed in
      defer { start += x.shape[axis] }
      return needed ? part(of: dy, x.shape, start) : nil
    }
  }

  private func part(of y: Tensor, _ shape: Shape, _ start: Int) -> Tensor {
    y.view(shape, strides: y.strides, offset: y.offset + start * y.strides[axis])
  }
}
