import Foundation
import Tensors

/// The symmetric range whose values, merged into 128 bins a side pair, lose the least information: the least
/// Kullback-Leibler divergence of the merged distribution from the one with outliers moved to the ends (Migacz,
/// "8-bit inference with TensorRT", GTC 2017; the numbers of ONNX Runtime's EntropyCalibrater with 2,048 bins), cut
/// to the extremes seen.
public final class EntropyObserver: Observer {
  private static let quantizedBins = 128
  /// Empty bins make ranges differ by less than the rounding of fp32, in which ONNX Runtime computes; the first counts.
  private static let clearlyLess = 1 - 1e-5
  private var histogram = StreamingHistogram()

  public init() {}

  public func observe(_ values: Tensor) throws { try histogram.add(values) }

  public var range: (min: Float, max: Float) {
    guard histogram.width > 0 else { return (0, 0) }
    let used = histogram.used
    let half = max(-used.lowerBound, used.upperBound)
    let counts = (-half..<half).map { Double(histogram[$0]) }
    var best = (divergence: Double.infinity, bins: half)
    var search = Search(counts)
    for reach in stride(from: Self.quantizedBins / 2, through: half, by: 1) {
      let divergence = search.divergence(
        half - reach..<min(half + reach + 1, counts.count), Self.quantizedBins)
      if divergence < best.divergence * Self.clearlyLess { best = (divergence, reach) }
    }
    let low = Double(-best.bins) * histogram.width
    let high = Double(min(best.bins + 1, half)) * histogram.width
    return (max(Float(low), histogram.extremes.min), min(Float(high), histogram.extremes.max))
  }

  private struct Search {
    private let counts: [Double]
    /// Of all bins before one.
    private let before: [Double]
    /// What an empty bin counts for, so that no logarithm is of 0.
    private static let smoothing = 0.0001

    init(_ counts: [Double]) {
      self.counts = counts
      before = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    /// Of the bins in `slice` merged to `quantized`, from the same bins with what lies outside added to the outermost.
    mutating func divergence(_ slice: Range<Int>, _ quantized: Int) -> Double {
      let last = slice.count - 1
      func reference(_ i: Int) -> Double {
        counts[slice.lowerBound + i] + (i == 0 ? before[slice.lowerBound] : 0)
          + (i == last ? before[counts.count] - before[slice.upperBound] : 0)
      }
      let p = (0...last).map(reference)
      let merged = slice.count / quantized
      var q = [Double](repeating: 0, count: slice.count)
      for bin in 0..<quantized {
        let (start, end) = (bin * merged, (bin + 1) * merged)
        // The bins that are left over count for the last one, and stay empty themselves.
        let through = slice.lowerBound + (bin == quantized - 1 ? slice.count : end)
        let mass = before[through] - before[slice.lowerBound + start]
        var occupied = 0
        for i in start..<end where p[i] != 0 { occupied += 1 }
        guard occupied > 0 else { continue }
        let share = (mass / Double(occupied)).rounded(.down)
        for i in start..<end { q[i] = share }
      }
      guard let smoothP = Self.smoothed(p), let smoothQ = Self.smoothed(q) else { return .infinity }
      let (sumP, sumQ) = (smoothP.reduce(0, +), smoothQ.reduce(0, +))
      var sum = 0.0
      for i in 0...last { sum += smoothP[i] * log(smoothP[i] / smoothQ[i]) }
      // sum (p/P) log((p/P) / (q/Q))
      return sum / sumP + log(sumQ / sumP)
    }

    /// Nil where every bin is empty.
    private static func smoothed(_ counts: [Double]) -> [Double]? {
      var zeros = 0
      for count in counts where count == 0 { zeros += 1 }
      guard zeros < counts.count else { return nil }
      let taken = smoothing * Double(zeros) / Double(counts.count - zeros)
      return counts.map { $0 == 0 ? smoothing : $0 - taken }
    }
  }
}
