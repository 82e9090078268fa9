import CKernels
import Tensors

/// The smallest and the largest value seen.
public final class MinMaxObserver: Observer {
  public private(set) var range: (min: Float, max: Float) = (0, 0)
  private var seen = false

  public init() {}

  public func observe(_ values: Tensor) throws {
    guard let found = try extremes(of: values) else { return }
    range = seen ? (min(range.min, found.min), max(range.max, found.max)) : found
    seen = true
  }
}

/// The extremes of `values`, nil where there are none; refuses NaN and infinity, with the number of each.
func extremes(of values: Tensor) throws -> (min: Float, max: Float)? {
  let dense = try values.dense()
  guard dense.count > 0 else { return nil }
  let found = withExtendedLifetime(dense) { qk_minmax_f32(qk_isa_active(), dense.count, dense.floats) }
  try require(
    found.nan_count == 0 && found.inf_count == 0, "calibration",
    "an activation \(values.shape) holds \(found.nan_count) NaN and \(found.inf_count) infinite values; "
      + "check the model in fp32 and the range of the calibration data")
  return (found.min, found.max)
}
