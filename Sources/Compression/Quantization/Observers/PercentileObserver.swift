import CKernels
import Tensors

/// The range that holds the given percentage of the values, from a histogram of 2,048 bins that doubles its width
/// when a value falls outside (so one pass over the data is enough). The outermost bins' edges bound the answer,
/// and it never exceeds the extremes seen.
public final class PercentileObserver: Observer {
  private static let bins = 2048
  private let percentile: Double
  private var counts = [Int](repeating: 0, count: bins)
  private var total = 0
  /// Of one bin; bin b holds [b - bins/2, b + 1 - bins/2) * width.
  private var width = 0.0
  private var extremesSeen: (min: Float, max: Float) = (0, 0)

  /// - Parameter percentile: in (50, 100], such as 99.99.
  public init(_ percentile: Double) { self.percentile = percentile }

  public func observe(_ values: Tensor) throws {
    let found = try Compression.extremes(of: values)
    guard values.count > 0 else { return }
    extremesSeen = total == 0 ? found : (min(extremesSeen.min, found.min), max(extremesSeen.max, found.max))
    makeRoom(for: Double(max(abs(found.min), abs(found.max))))
    let dense = try values.dense()
    let pointer = dense.floats
    let scale = 1 / width
    for i in 0..<dense.count {
      let bin = Int((Double(pointer[i]) * scale).rounded(.down)) + Self.bins / 2
      counts[min(max(bin, 0), Self.bins - 1)] += 1
    }
    total += dense.count
  }

  /// Doubles the width, merging bins in pairs about the middle, until `magnitude` falls inside.
  private func makeRoom(for magnitude: Double) {
    let half = Double(Self.bins / 2)
    if width == 0 { width = max(magnitude / half, Double(Float.leastNormalMagnitude)) * (1 + 1e-9) }
    while magnitude >= width * half {
      var merged = [Int](repeating: 0, count: Self.bins)
      for (bin, count) in counts.enumerated() { merged[Self.bins / 4 + bin / 2] += count }
      counts = merged
      width *= 2
    }
  }

  public var range: (min: Float, max: Float) {
    guard total > 0 else { return (0, 0) }
    let cut = Double(total) * (1 - percentile / 100) / 2
    let low = edge(counts.indices, cut) { Double($0 - Self.bins / 2) }
    let high = edge(counts.indices.reversed(), cut) { Double($0 + 1 - Self.bins / 2) }
    return (max(Float(low), extremesSeen.min), min(Float(high), extremesSeen.max))
  }

  /// The outer edge of the first bin at which more than `cut` values have been passed.
  private func edge(_ order: some Sequence<Int>, _ cut: Double, _ position: (Int) -> Double) -> Double {
    var passed = 0.0
    for bin in order {
      passed += Double(counts[bin])
      if passed > cut { return position(bin) * width }
    }
    return 0
  }
}
