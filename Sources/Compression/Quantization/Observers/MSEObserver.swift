import Tensors

/// The range with the least mean squared error of rounding to its levels and clipping to its ends, by a search over
/// both ends on a streaming histogram (the "MSE" range setting of Nagel et al., "A white paper on neural network
/// quantization", 2021, section 3.1).
public final class MSEObserver: Observer {
  private let levels: Int
  private var histogram = StreamingHistogram()

  private static let candidates = 64
  private static let rounds = 2

  /// - Parameter levels: integers that the range is divided among.
  public init(levels: Int = 256) { self.levels = levels }

  public func observe(_ values: Tensor) throws { try histogram.add(values) }

  public var range: (min: Float, max: Float) {
    guard histogram.width > 0 else { return (0, 0) }
    let seen = (min: min(Double(histogram.extremes.min), 0), max: max(Double(histogram.extremes.max), 0))
    let points = histogram.used.compactMap { bin -> (value: Double, count: Double)? in
      let count = histogram[bin]
      return count > 0 ? ((Double(bin) + 0.5) * histogram.width, Double(count)) : nil
    }
    var best = (low: seen.min, high: seen.max, error: error(points, seen.min, seen.max))
    for _ in 0..<Self.rounds {
      let before = (best.low, best.high)
      for i in 1..<Self.candidates where seen.max > 0 {
        let high = seen.max * Double(i) / Double(Self.candidates)
        let error = error(points, best.low, high)
        if error < best.error { best = (best.low, high, error) }
      }
      for i in 1..<Self.candidates where seen.min < 0 {
        let low = seen.min * Double(i) / Double(Self.candidates)
        let error = error(points, low, best.high)
        if error < best.error { best = (low, best.high, error) }
      }
      if before == (best.low, best.high) { break }
    }
    return (Float(best.low), Float(best.high))
  }

  /// Summed squared difference of the values and the nearest levels of a grid that covers the range and has 0.
  private func error(_ points: [(value: Double, count: Double)], _ low: Double, _ high: Double) -> Double {
    let scale = (high - low) / Double(levels - 1)
    guard scale > 0 else { return .infinity }
    let least = (low / scale).rounded(.toNearestOrEven)
    let most = least + Double(levels - 1)
    let perUnit = 1 / scale
    var sum = 0.0
    for (value, count) in points {
      let level = min(max((value * perUnit).rounded(.toNearestOrEven), least), most)
      let difference = value - level * scale
      sum += count * difference * difference
    }
    return sum
  }
}
