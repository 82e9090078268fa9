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
}
