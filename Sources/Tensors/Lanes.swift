/// The lines of a contiguous tensor along one dimension: `count` of them, of `extent` elements `step` apart.
struct Lanes {
  let count: Int
  let extent: Int
  let step: Int

  init(_ shape: Shape, _ axis: Int) {
    extent = shape[axis]
    step = shape[(axis + 1)...].reduce(1, *)
    count = shape[..<axis].reduce(1, *) * step
  }

  /// Where the elements of a line start.
  @inline(__always)
  func start(_ lane: Int) -> Int { lane / step * (extent * step) + lane % step }
}
