/// x with `y[.., indices[.., i, ..], ..] = updates[.., i, ..]`, or `+=`, along one dimension. ONNX ScatterElements;
/// PyTorch scatter and scatter_add.
///
/// Inputs: `x`, `indices` of its rank and nowhere else larger, `updates` of the shape of the indices and the type of
/// x. Indices count from 0. Where one is named twice, the last update stays, and it alone gets a gradient; with
/// reduction `add` they are added up in their order.
public struct Scatter: Op {
  public static let name = "scatter"

  public enum Reduction: String, CaseIterable, Sendable { case none, add }

  public let axis: Int
  public let reduction: Reduction

  public init(axis: Int, reduction: Reduction = .none) { (self.axis, self.reduction) = (axis, reduction) }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    try requireElementIndices(s[1], into: s[0], axis)
    try require(s[2] == s[1], "updates \(s[2]) must have the shape of the indices \(s[1])")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try requireIndices(types[1])
    try require(types[2] == types[0], "element types \(types[0]) and \(types[2]) differ")
    try require(reduction == .none || types[0] != .bool, "bool tensors have no arithmetic")
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try t[0].copy(format: .contiguous)
    let (indices, updates) = (try indices(t[1], below: y.shape[axis]), try t[2].contiguous())
    context.save(indices)
    switch (reduction, context.dtype) {
    case (.none, _) where context.dtype.size == 1: replace(y, indices, updates, UInt8.self)
    case (.none, _) where context.dtype.size == 4: replace(y, indices, updates, UInt32.self)
    case (.none, _): replace(y, indices, updates, UInt64.self)
    case (.add, .f32): add(y, indices, updates, Float.self)
    case (.add, .f64): add(y, indices, updates, Double.self)
    case (.add, .i64): add(y, indices, updates, Int64.self)
    case (.add, .i32): add(y, indices, updates, Int32.self)
    case (.add, .i8): add(y, indices, updates, Int8.self)
    case (.add, .u8): add(y, indices, updates, UInt8.self)
    case (.add, .bool): preconditionFailure("dtype(of:) refuses bool")
    }
    return y
  }

  private func replace<T: BitwiseCopyable>(_ y: Tensor, _ indices: Tensor, _ updates: Tensor, _: T.Type) {
    let (to, from) = (y.bytes.assumingMemoryBound(to: T.self), updates.bytes.assumingMemoryBound(to: T.self))
    indices.forEachElement(of: y, axis) { place, target in to[target] = from[place] }
  }

  private func add<T: NumericElement>(_ y: Tensor, _ indices: Tensor, _ updates: Tensor, _: T.Type) {
    let (to, from) = (y.pointer(T.self), updates.pointer(T.self))
    indices.forEachElement(of: y, axis) { place, target in to[target] = .adding(to[target], from[place]) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let indices = record.saved[0]
    if reduction == .add { return [dy, nil, record.needs[2] ? try Gather(axis: axis)(dy, indices) : nil] }
    // The place of the update that stayed, for every element of the result.
    let owners = try Tensor.full(dy.shape, -1, .i64)
    let owner = owners.pointer(Int64.self)
    indices.forEachElement(of: owners, axis) { place, target in owner[target] = Int64(place) }
    let dy = try dy.contiguous()
    return dy.dtype == .f64
      ? try split(dy, indices, owners, Double.self) : try split(dy, indices, owners, Float.self)
  }

  /// The gradient of an element goes to x, or to the update that replaced it.
  private func split<T: Real>(_ dy: Tensor, _ indices: Tensor, _ owners: Tensor, _: T.Type) throws
    -> [Tensor?]
  {
    let (dx, dUpdates) = (try dy.copy(), try Tensor.zeros(indices.shape, dy.dtype))
    let (upstream, owner) = (dy.pointer(T.self), owners.pointer(Int64.self))
    let (kept, moved) = (dx.pointer(T.self), dUpdates.pointer(T.self))
    for i in 0..<dy.count where owner[i] >= 0 {
      kept[i] = 0
      moved[Int(owner[i])] = upstream[i]
    }
    return [dx, nil, dUpdates]
  }
}
