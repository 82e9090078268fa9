/// `y[.., i, ..] = x[.., indices[.., i, ..], ..]` along one dimension; the indices have the rank of x, and nowhere
/// else a larger extent. PyTorch gather; ONNX GatherElements.
public struct Gather: Op {
  public static let name = "gather"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    try requireElementIndices(s[1], into: s[0], axis)
    return s[1]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try requireIndices(types[1])
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, y) = (t[0], try Tensor(undefined: context.shape, context.dtype))
    let indices = try indices(t[1], below: x.shape[axis])
    context.save(indices)
    switch x.dtype.size {
    case 1: pick(x, indices, y, UInt8.self)
    case 4: pick(x, indices, y, UInt32.self)
    default: pick(x, indices, y, UInt64.self)
    }
    return y
  }

  private func pick<T: BitwiseCopyable>(_ x: Tensor, _ indices: Tensor, _ y: Tensor, _: T.Type) {
    let (from, to) = (x.bytes.assumingMemoryBound(to: T.self), y.bytes.assumingMemoryBound(to: T.self))
    indices.forEachElement(of: x, axis) { place, source in to[place] = from[source] }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let dy = try dy.contiguous()
    let dx = try Tensor.zeros(record.inputs[0].shape, dy.dtype)
    dy.dtype == .f64 ? add(dy, record.saved[0], dx, Double.self) : add(dy, record.saved[0], dx, Float.self)
    return [dx, nil]
  }

  private func add<T: Real>(_ dy: Tensor, _ indices: Tensor, _ dx: Tensor, _: T.Type) {
    let (from, to) = (dy.pointer(T.self), dx.pointer(T.self))
    indices.forEachElement(of: dx, axis) { place, target in to[target] += from[place] }
  }
}
