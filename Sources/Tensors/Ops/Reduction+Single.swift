/// A reduction's fp32 loops from `qk_f32.h`, over x [rows, n].
struct ReductionKernel {
  typealias Loop = (Int, Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void

  /// One result for every row.
  let rows: Loop
  /// One result for every column.
  let columns: Loop

  /// Rows longer than this are reduced in pieces, and the pieces again: rounding stays small, the order fixed.
  private static let piece = 256

  /// Reduces dense fp32 `x` along `axes`; nil where the dimensions alternate too often between kept and reduced
  /// for a few calls of the loops.
  func run(_ x: Tensor, _ axes: [Int], _ shape: Shape) throws -> Tensor? {
    if shape.elements == 1, x.count > 0, x.isDense {  // everything into one number
      let y = try Tensor(undefined: shape)
      try reduceRows(1, x.count, x.floats, y.floats)
      return y
    }
    guard x.count > 0, let dims = Self.merged(x, axes) else { return nil }
    let y = try Tensor(undefined: shape)
    let extents = dims.map(\.extent)
    switch dims.map(\.reduced) {
    case [], [false]: y.floats.update(from: x.floats, count: x.count)
    case [true]: try reduceRows(1, extents[0], x.floats, y.floats)
    case [false, true]: try reduceRows(extents[0], extents[1], x.floats, y.floats)
    case [true, false]: columns(extents[0], extents[1], x.floats, y.floats)
    case [false, true, false]:
      for i in 0..<extents[0] {
        columns(extents[1], extents[2], x.floats + i * extents[1] * extents[2], y.floats + i * extents[2])
      }
    case [true, false, true]:
      let partial = try Tensor(undefined: [extents[0], extents[1]])
      try reduceRows(partial.count, extents[2], x.floats, partial.floats)
      columns(extents[0], extents[1], partial.floats, y.floats)
    default: return nil
    }
    return y
  }

  private func reduceRows(
    _ count: Int, _ n: Int, _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) throws {
    if n <= Self.piece { return rows(count, n, x, y) }
    let (whole, rest) = n.quotientAndRemainder(dividingBy: Self.piece)
    let pieces = try Tensor(undefined: [whole + (rest > 0 ? 1 : 0)])
    for row in 0..<count {
      let start = x + row * n
      rows(whole, Self.piece, start, pieces.floats)
      if rest > 0 { rows(1, rest, start + whole * Self.piece, pieces.floats + whole) }
      try reduceRows(1, pieces.count, pieces.floats, y + row)
    }
  }

  /// The dimensions in the order they lie in memory, neighbours of one kind as one; nil unless `x` is dense and
  /// the kept ones come in the order of the result.
  private static func merged(_ x: Tensor, _ axes: [Int]) -> [(extent: Int, reduced: Bool)]? {
    guard x.isDense else { return nil }
    let order = x.shape.indices.filter { x.shape[$0] != 1 }.sorted { x.strides[$0] > x.strides[$1] }
    let kept = order.filter { !axes.contains($0) }
    guard kept == kept.sorted() else { return nil }
    var dims: [(extent: Int, reduced: Bool)] = []
    for axis in order {
      if let last = dims.last, last.reduced == axes.contains(axis) {
        dims[dims.count - 1].extent *= x.shape[axis]
      } else {
        dims.append((x.shape[axis], axes.contains(axis)))
      }
    }
    return dims
  }
}
