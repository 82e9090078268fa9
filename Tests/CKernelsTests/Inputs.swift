/// Reproducible random numbers (SplitMix64).
struct Generator: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// How test bytes are drawn: any of them, or only the smallest and largest, which make the largest sums.
enum Fill: CaseIterable, Sendable {
  case random, extreme, largest

  func bytes<Byte: FixedWidthInteger>(_ count: Int, _ generator: inout Generator) -> [Byte] {
    (0..<count).map { _ in
      switch self {
      case .random: .random(in: .min ... .max, using: &generator)
      case .extreme: Bool.random(using: &generator) ? .min : .max
      case .largest: .max
      }
    }
  }
}

func randomBias(_ count: Int, _ generator: inout Generator) -> [Int32] {
  (0..<count).map { _ in .random(in: -40_000...40_000, using: &generator) }
}

/// Multipliers that bring sums of `depth` products into the range of a byte, more or less.
func randomMultipliers(_ count: Int, depth: Int, _ generator: inout Generator) -> [Float] {
  (0..<count).map { _ in .random(in: 0.2...2, using: &generator) / (40 * Float(depth).squareRoot()) }
}
