import Tensors

/// The range that holds the given percentage of the values, half of the others on each side, within a bin of a
/// streaming histogram; never beyond the extremes seen. ONNX Runtime's PercentileCalibrater.
public final class PercentileObserver: Observer {
  private let percentile: Double
  private var histogram = StreamingHistogram()

  /// - Parameter percentile: in (50, 100], such as 99.99.
  public init(_ percentile: Double) { self.percentile = percentile }

  public func observe(_ values: Tensor) throws { try histogram.add(values) }

  public var range: (min: Float, max: Float) {
    guard histogram.width > 0 else { return (0, 0) }
    let cut = Double(histogram.total) * (1 - percentile / 100) / 2
    let low = edge(Array(histogram.used), cut, outer: 0)
    let high = edge(histogram.used.reversed(), cut, outer: 1)
    return (max(Float(low), histogram.extremes.min), min(Float(high), histogram.extremes.max))
  }

  /// The outer edge of the first bin at which more than `cut` values have been passed.
  private func edge(_ order: [Int], _ cut: Double, outer: Int) -> Double {
    var passed = 0.0
    for bin in order {
      passed += Double(histogram[bin])
      if passed > cut { return Double(bin + outer) * histogram.width }
    }
    return 0
  }
}
