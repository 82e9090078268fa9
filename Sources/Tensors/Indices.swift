/// An index lies outside of what it points into.
///
/// Numbers are 0-based; whoever speaks to a user who counts from 1 says so with `described(from: 1)`.
public struct IndexError: Error, CustomStringConvertible {
  public let function: String
  public let index: Int
  /// Valid are 0 ..< bound.
  public let bound: Int

  public init(function: String, index: Int, bound: Int) {
    self.function = function
    self.index = index
    self.bound = bound
  }

  public var description: String { described(from: 0) }

  public func described(from base: Int) -> String {
    let (counted, overflow) = index.addingReportingOverflow(base)
    let shown = overflow ? index : counted
    return bound == 0
      ? "\(function): index \(shown) into an empty dimension"
      : "\(function): index \(shown) is out of range, valid are \(base) to \(bound - 1 + base)"
  }
}

extension Op {
  /// The elements of an index tensor, contiguous, as i64, all of them in 0 ..< bound.
  func indices(_ tensor: Tensor, below bound: Int) throws -> Tensor {
    let indices = try tensor.contiguous().converted(to: .i64)
    for index in UnsafeBufferPointer(start: indices.pointer(Int64.self), count: indices.count)
    where index < 0 || index >= bound {
      throw IndexError(function: name, index: Int(index), bound: bound)
    }
    return indices
  }

  func requireIndices(_ type: DType) throws {
    try require(type == .i64 || type == .i32, "indices must be i64 or i32, got \(type)")
  }

  /// Refuses an index tensor that names elements of `x` along `axis` but does not lie within it elsewhere.
  func requireElementIndices(_ indices: Shape, into x: Shape, _ axis: Int) throws {
    let fits = indices.rank == x.rank && x.indices.allSatisfy { $0 == axis || indices[$0] <= x[$0] }
    try require(fits, "indices \(indices) must fit within \(x) in all dimensions but \(axis + 1)")
  }
}

extension Tensor {
  /// Every place in this contiguous index tensor (i64), with the offset in `x` of the element it names along `axis`.
  @inline(__always)
  func forEachElement(of x: Tensor, _ axis: Int, _ body: (Int, Int) -> Void) {
    var steps = x.strides
    steps[axis] = 0
    let loop = StridedLoop<2>(shape, [strides, steps])
    let (n, step, values) = (loop.length, loop.innerStrides, pointer(Int64.self))
    loop.forEachRun { offset in
      for i in 0..<n {
        let place = offset[0] + i * step[0]
        body(place, offset[1] + i * step[1] + Int(values[place]) * x.strides[axis])
      }
    }
  }
}
