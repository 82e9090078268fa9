import CKernels
import Tensors

/// How often values of each size were seen: at most 2,048 bins of one width, a power of two, at multiples of it. The
/// width doubles when a value does not fit, so that one pass is enough, memory is constant, and the bins do not
/// depend on the order of the values: the range seen is always divided among 1,024 to 2,048 of them.
struct StreamingHistogram {
  static let capacity = 2048

  /// Of one bin; 0 before the first value other than 0.
  private(set) var width = 0.0
  /// Bin b holds [first + b, first + b + 1) * width.
  private(set) var first = 0
  private(set) var counts = [UInt64](repeating: 0, count: capacity)
  private(set) var total = 0
  private(set) var extremes: (min: Float, max: Float) = (0, 0)
  /// Zeros seen while there was no width.
  private var zeros = 0

  /// Adds values; refuses NaN and infinity.
  mutating func add(_ values: Tensor) throws {
    guard let found = try Compression.extremes(of: values) else { return }
    extremes = total == 0 ? found : (min(extremes.min, found.min), max(extremes.max, found.max))
    total += values.count
    guard extremes != (0, 0) else {
      zeros += values.count
      return
    }
    makeRoom()
    let dense = try values.dense()
    var outside = qk_histogram_outside()
    // The last bin that is used takes the values on its upper edge, too.
    let end = used.upperBound
    let (low, high) = (Double(first) * width, Double(end) * width)
    try withExtendedLifetime(dense) {
      try checkStatus(
        qk_histogram_f32(
          qk_isa_active(), dense.count, dense.floats, Float(low), Float(high), end - first, &counts, &outside),
        "calibration")
    }
  }

  /// Doubles the width and moves the bins until the extremes have one, and 0.
  private mutating func makeRoom() {
    let (least, most) = (min(Double(extremes.min), 0), max(Double(extremes.max), 0))
    let isNew = width == 0
    if isNew {
      let needed = ((most - least) / Double(Self.capacity)).exponent
      width = Double(sign: .plus, exponent: max(needed - 1, -120), significand: 1)
    }
    while multiples(width).count > Self.capacity {
      if !isNew { merge() }
      width *= 2
    }
    let wanted = multiples(width)
    if isNew {
      first = wanted.lowerBound
    } else if wanted.lowerBound < first || wanted.upperBound > first + Self.capacity {
      move(to: wanted.lowerBound)
    }
    if zeros > 0 {
      // The bin that begins at 0; the last one that is used where all else is negative, as its edge is its own.
      counts[min(-first, wanted.upperBound - first - 1)] += UInt64(zeros)
      zeros = 0
    }
  }

  /// The bins of a width that the extremes and 0 need; a value on the last edge counts for the bin below it.
  private func multiples(_ width: Double) -> Range<Int> {
    let low = (min(Double(extremes.min), 0) / width).rounded(.down)
    let high = (max(Double(extremes.max), 0) / width).rounded(.up)
    return Int(low)..<Int(high)
  }

  /// Puts bins 2 b and 2 b + 1 into bin b.
  private mutating func merge() {
    let half = first >> 1
    var merged = [UInt64](repeating: 0, count: Self.capacity)
    for (bin, count) in counts.enumerated() where count > 0 { merged[(first + bin) >> 1 - half] += count }
    (counts, first) = (merged, half)
  }

  private mutating func move(to start: Int) {
    var moved = [UInt64](repeating: 0, count: Self.capacity)
    for (bin, count) in counts.enumerated() where count > 0 { moved[first + bin - start] = count }
    (counts, first) = (moved, start)
  }

  /// The bins as far as values were seen, as a range of multiples of the width, from or to 0 at least.
  var used: Range<Int> { width > 0 ? multiples(width) : 0..<0 }

  /// The count of the bin that begins at `position * width`.
  subscript(position: Int) -> UInt64 {
    let bin = position - first
    return counts.indices.contains(bin) ? counts[bin] : 0
  }
}
