/// 1 at the place an index names along a new last dimension of extent `depth`, 0 elsewhere; no gradient.
/// ONNX OneHot.
public struct OneHot: Op {
  public static let name = "one_hot"
  public let depth: Int
  public let type: DType

  public init(depth: Int, _ type: DType = .f32) {
    self.depth = depth
    self.type = type
  }

  public func shape(of s: [Shape]) throws -> Shape { try Shape(checking: s[0].dims + [depth], for: name) }

  public func dtype(of types: [DType]) throws -> DType {
    try requireIndices(types[0])
    return type
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let indices = try indices(t[0], below: depth)
    let y = try Tensor.zeros(context.shape, type)
    func mark<T: Element>(_: T.Type) {
      let (places, output) = (indices.pointer(Int64.self), y.pointer(T.self))
      for i in 0..<indices.count { output[i * depth + Int(places[i])] = T(converting: 1) }
    }
    type.dispatch { mark($0) }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}
