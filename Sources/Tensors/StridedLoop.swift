/// Walks several tensors of one shape at once, whatever their strides, in runs along one inner dimension.
///
/// Neighbouring dimensions that lie one after the other in every operand are merged first, so that dense
/// tensors of one format become a single run. Operands may have stride 0 (broadcast).
struct StridedLoop<let operands: Int> {
  /// Length of a run, and each operand's stride along it.
  private(set) var length: Int
  private(set) var innerStrides: InlineArray<operands, Int>
  private var outer: [(extent: Int, strides: InlineArray<operands, Int>)] = []

  /// - Parameter strides: one per operand, of the shape's rank; the first operand is the result and
  ///   decides which dimension is innermost.
  init(_ shape: Shape, _ strides: InlineArray<operands, Strides>) {
    var dims: [(extent: Int, strides: InlineArray<operands, Int>)] = []
    for axis in 0..<shape.rank where shape[axis] != 1 {
      dims.append((shape[axis], InlineArray { strides[$0][axis] }))
    }
    dims.sort { $0.strides[0] > $1.strides[0] }  // stable: equal strides keep the logical order
    var merged: [(extent: Int, strides: InlineArray<operands, Int>)] = []
    for dim in dims {
      if let last = merged.last, Self.continues(last.strides, dim.strides, dim.extent) {
        merged[merged.count - 1] = (last.extent * dim.extent, dim.strides)
      } else {
        merged.append(dim)
      }
    }
    let inner = merged.popLast() ?? (1, InlineArray(repeating: 0))
    length = inner.extent
    innerStrides = inner.strides
    outer = shape.elements == 0 ? [(0, inner.strides)] : merged
  }

  private static func continues(
    _ before: InlineArray<operands, Int>, _ after: InlineArray<operands, Int>, _ extent: Int
  ) -> Bool {
    for i in 0..<operands where before[i] != after[i] * extent { return false }
    return true
  }

  /// Calls `body` with the offset of each operand at the start of every run.
  @inline(__always)
  func forEachRun(_ body: (InlineArray<operands, Int>) -> Void) {
    var offsets = InlineArray<operands, Int>(repeating: 0)
    if outer.isEmpty { return body(offsets) }
    if outer.contains(where: { $0.extent == 0 }) { return }
    var index = [Int](repeating: 0, count: outer.count)
    while true {
      body(offsets)
      var axis = outer.count - 1
      while true {
        index[axis] += 1
        for i in 0..<operands { offsets[i] += outer[axis].strides[i] }
        if index[axis] < outer[axis].extent { break }
        for i in 0..<operands { offsets[i] -= outer[axis].strides[i] * outer[axis].extent }
        index[axis] = 0
        if axis == 0 { return }
        axis -= 1
      }
    }
  }
}

extension Tensor {
  /// This tensor's strides as an operand of a computation over `shape`: 0 where it is repeated.
  func strides(broadcastTo shape: Shape) -> Strides {
    let missing = shape.rank - rank
    var result = Strides(repeating: 0, rank: shape.rank)
    for i in 0..<rank where self.shape[i] != 1 { result[i + missing] = strides[i] }
    return result
  }
}
