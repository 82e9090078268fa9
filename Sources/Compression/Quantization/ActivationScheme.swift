import Tensors

/// How activations are rounded, as a recipe says it: u8 numbers, of which fewer bits use fewer.
public struct ActivationScheme: Hashable, Sendable, Codable {
  /// 2 to 8.
  public var bits: Int
  /// Whether scales are powers of two: the next one above, so that nothing is clipped.
  public var powerOfTwo: Bool

  public init(bits: Int = 8, powerOfTwo: Bool = false) { (self.bits, self.powerOfTwo) = (bits, powerOfTwo) }

  /// The grid that covers [low, high] and 0.
  public func params(covering low: Float, _ high: Float) -> QuantParams {
    QuantParams(covering: low, high, bits: bits, powerOfTwo: powerOfTwo)
  }

  /// The grid of zero point 128 that covers [-magnitude, magnitude].
  public func params(symmetric magnitude: Float) -> QuantParams {
    QuantParams(symmetric: magnitude, bits: bits, powerOfTwo: powerOfTwo)
  }

  /// Refuses what has no meaning, naming the remedy.
  public func check(for function: String) throws {
    try require((2...8).contains(bits), function, "activations must have 2 to 8 bits (got \(bits))")
  }
}
