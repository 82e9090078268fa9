import CKernels
import Tensors

extension WeightQuantizer {
  /// Shares of the full range that are tried.
  private static let candidates = 60
  private static let smallest = 0.3

  /// The same grid with each scale made smaller as far as that lowers the squared error of its weights: the extremes are
  /// clipped, all others rounded more finely. Ternary and binary scales are the best ones already and stay.
  func withLeastError(for weight: Tensor, _ scheme: WeightScheme) throws -> WeightQuantizer {
    guard rounding == .nearest else { return self }
    let dense = try weight.contiguous()
    return withExtendedLifetime(dense) {
      let slices = scheme.granularity.slices(of: weight.shape)
      let best = slices.enumerated().map { i, slice in
        bestScale(dense.floats, slice, scales[i], zeroPoints.isEmpty ? 0 : Float(zeroPoints[i]), scheme)
      }
      return WeightQuantizer(
        scales: slices.count == scales.count ? best : scales.map { _ in best[0] }, zeroPoints: zeroPoints,
        group: group, lowest: lowest, highest: highest, rounding: rounding)
    }
  }

  private func bestScale(
    _ values: UnsafePointer<Float>, _ slice: Range<Int>, _ full: Float, _ zero: Float, _ scheme: WeightScheme
  ) -> Float {
    var best = (scale: full, error: error(values, slice, full, zero))
    let shares =
      scheme.powerOfTwo
      ? [0.5, 0.25]
      : (1..<Self.candidates).map { 1 - (1 - Self.smallest) * Double($0) / Double(Self.candidates) }
    for share in shares {
      let scale = scheme.hasGroups ? Self.half(full * Float(share)) : full * Float(share)
      guard scale.isNormal else { break }
      let error = error(values, slice, scale, zero)
      if error < best.error { best = (scale, error) }
    }
    return best.scale
  }

  /// Scales of groups are kept in fp16, where it has its full precision.
  static func half(_ scale: Float) -> Float {
    var rounded: Float = 0
    withUnsafePointer(to: scale) { qk_round_f16(1, $0, &rounded) }
    return (0x1p-14...65504).contains(rounded) ? rounded : scale
  }

  private func error(_ values: UnsafePointer<Float>, _ slice: Range<Int>, _ scale: Float, _ zero: Float)
    -> Float
  {
    let (low, high) = (Float(lowest) - zero, Float(highest) - zero)
    let perUnit = 1 / scale
    // Sixteen sums at once, so that the loop runs in vectors.
    var sums = SIMD16<Float>()
    let whole = slice.count & ~15
    let from = values + slice.lowerBound
    for i in stride(from: 0, to: whole, by: 16) {
      let w = UnsafeRawPointer(from + i).loadUnaligned(as: SIMD16<Float>.self)
      let code = (w * perUnit).rounded(.toNearestOrEven).clamped(
        lowerBound: SIMD16(repeating: low), upperBound: SIMD16(repeating: high))
      let difference = w - code * scale
      sums += difference * difference
    }
    var sum = sums.sum()
    for i in whole..<slice.count {
      let code = min(max((from[i] * perUnit).rounded(.toNearestOrEven), low), high)
      sum += (from[i] - code * scale) * (from[i] - code * scale)
    }
    return sum
  }
}
