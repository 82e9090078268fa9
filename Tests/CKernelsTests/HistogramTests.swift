import CKernels
import Testing

@Suite struct HistogramTests {
  struct Histogram: Equatable {
    var counts: [UInt64]
    var below = 0, above = 0, nan = 0, inf = 0
  }

  static let ranges: [(lo: Float, hi: Float)] = [(-1, 1), (0, 0.1), (-3.7, 1e-3), (-1e30, 1e30)]

  /// The contract, read once more.
  private func reference(_ x: [Float], _ lo: Float, _ hi: Float, bins: Int) -> Histogram {
    var histogram = Histogram(counts: [UInt64](repeating: 0, count: bins))
    let perUnit = Float(bins) / (hi - lo)
    for number in x {
      if number.isNaN {
        histogram.nan += 1
      } else if number.isInfinite {
        histogram.inf += 1
      } else if number < lo {
        histogram.below += 1
      } else if number > hi {
        histogram.above += 1
      } else {
        histogram.counts[min(Int(((number - lo) * perUnit).rounded(.down)), bins - 1)] += 1
      }
    }
    return histogram
  }

  private func histogram(_ level: Level, _ x: [Float], _ lo: Float, _ hi: Float, bins: Int) -> Histogram {
    var counts = [UInt64](repeating: 0, count: bins), outside = qk_histogram_outside()
    #expect(qk_histogram_f32(level.isa, x.count, x, lo, hi, bins, &counts, &outside) == QK_OK)
    return Histogram(
      counts: counts, below: outside.below, above: outside.above, nan: outside.nan_count,
      inf: outside.inf_count)
  }

  @Test(arguments: Level.runnable, [0, 1, 15, 16, 17, 1000, 20_003]) func equalsTheContract(
    level: Level, count: Int
  ) {
    var generator = Generator(count)
    for (lo, hi) in Self.ranges {
      let x: [Float] = (0..<count).map { _ in
        switch Int.random(in: 0..<8, using: &generator) {
        case 0:
          [lo, hi, .nan, .infinity, -.infinity, -0.0, lo.nextDown, hi.nextUp].randomElement(
            using: &generator)!
        default: .random(in: -1.2...1.2, using: &generator) * max(abs(lo), abs(hi))
        }
      }
      for bins in [1, 7, 256, 2048, 3000] {
        #expect(
          histogram(level, x, lo, hi, bins: bins) == reference(x, lo, hi, bins: bins),
          "\(lo)...\(hi), \(bins) bins")
      }
    }
  }

  @Test(arguments: Level.runnable) func theLastBinIsClosedOnBothSides(level: Level) {
    let x: [Float] = [0, 0.24, 0.25, 0.5, 0.75, 1, 1]
    #expect(histogram(level, x, 0, 1, bins: 4).counts == [2, 1, 1, 3])
  }

  @Test(arguments: Level.runnable) func addsToTheCountsThereAre(level: Level) {
    var counts: [UInt64] = [5, 6],
      outside = qk_histogram_outside(below: 1, above: 2, nan_count: 3, inf_count: 4)
    let x: [Float] = [-2, 0.5, 2, 3, .nan, .infinity]
    #expect(qk_histogram_f32(level.isa, x.count, x, -1, 1, 2, &counts, &outside) == QK_OK)
    #expect(counts == [5, 7])
    #expect((outside.below, outside.above, outside.nan_count, outside.inf_count) == (2, 4, 4, 5))
  }

  static let emptyRanges: [[Float]] = [
    [1, 1], [1, -1], [0, .infinity], [.nan, 1], [-3e38, 3e38], [0, .leastNonzeroMagnitude],
  ]

  @Test(arguments: emptyRanges) func refusesRangesWithoutBins(range: [Float]) {
    var counts: [UInt64] = [0, 0], outside = qk_histogram_outside()
    #expect(qk_histogram_f32(0, 1, [0], range[0], range[1], 2, &counts, &outside) == QK_BAD_RANGE)
  }

  @Test(arguments: [0, -1, Int(QK_MAX_BINS) + 1]) func refusesNumbersOfBins(bins: Int) {
    var counts: [UInt64] = [0], outside = qk_histogram_outside()
    #expect(qk_histogram_f32(0, 1, [0], 0, 1, bins, &counts, &outside) == QK_BAD_SIZE)
  }
}
