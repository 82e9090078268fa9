import Tensors

/// How a real number becomes a u8 and back: `x = (q - zeroPoint) * scale`. Per-tensor, asymmetric.
///
/// The reals that have an exact u8 are the *grid* of these parameters. A tensor in a quantized graph holds
/// grid values in f32, so that the integers behind it can be recovered without loss.
public struct QuantParams: Hashable, Sendable, Codable {
  /// Positive and finite.
  public let scale: Float
  public let zeroPoint: UInt8
  /// The codes in use: 0 and 255 for 8 bits, 0 and 15 for 4.
  public let lowest, highest: UInt8

  public init(scale: Float, zeroPoint: UInt8, lowest: UInt8 = 0, highest: UInt8 = 255) {
    precondition(lowest < highest, "a grid has two codes at least")
    (self.scale, self.zeroPoint, self.lowest, self.highest) = (scale, zeroPoint, lowest, highest)
  }

  /// The parameters whose grid covers [min, max], widened to contain 0 so that padding is exact
  /// (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
  /// inference", CVPR 2018, section 3). A range of one point, 0, gets scale 1.
  ///
  /// - Parameters:
  ///   - bits: 2 to 8; codes are 0 to 2^bits - 1.
  ///   - powerOfTwo: rounds the scale up to the next power of two.
  public init(covering min: Float, _ max: Float, bits: Int = 8, powerOfTwo: Bool = false) {
    let (low, high) = (Swift.min(min, 0), Swift.max(max, 0))
    let highest = UInt8((1 << bits) - 1)
    let steps = Float(highest)
    let exact = high / steps - low / steps  // divided first: the span itself may overflow
    let span = powerOfTwo && exact.isNormal ? exact.powerOfTwoAbove : exact
    guard span.isNormal else {
      self.init(scale: 1, zeroPoint: 0, highest: highest)
      return
    }
    let zero = (-low / span).rounded(.toNearestOrEven)
    self.init(scale: span, zeroPoint: UInt8(Swift.min(Swift.max(zero, 0), steps)), highest: highest)
  }

  /// The parameters of zero point 128 that cover [-magnitude, magnitude]: an s8 in a u8's clothes.
  public init(symmetric magnitude: Float, bits: Int = 8, powerOfTwo: Bool = false) {
    let half = 1 << (bits - 1)
    let exact = magnitude / Float(half - 1)
    let scale = powerOfTwo && exact.isNormal ? exact.powerOfTwoAbove : exact
    self.init(
      scale: scale.isNormal ? scale : 1, zeroPoint: 128, lowest: UInt8(128 - half),
      highest: UInt8(127 + half))
  }

  /// The code nearest to `x`, ties to even, saturating: for 8 bits the arithmetic of `qk_quantize_u8`.
  public func quantize(_ x: Float) -> UInt8 {
    let q = (x / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
    return q > Float(lowest) ? (q < Float(highest) ? UInt8(q) : highest) : lowest
  }

  public func dequantize(_ q: UInt8) -> Float { Float(Int32(q) - Int32(zeroPoint)) * scale }

  /// Whether every byte is a code.
  var usesAllBytes: Bool { lowest == 0 && highest == 255 }

  /// Brings bytes into the range of codes.
  func clamp(_ count: Int, _ q: UnsafeMutablePointer<UInt8>) {
    guard !usesAllBytes else { return }
    let (low, high) = (lowest, highest)
    for i in 0..<count { q[i] = Swift.min(Swift.max(q[i], low), high) }
  }
}

extension Float {
  /// The least power of two that is not below a positive number; the largest one there is for those above it.
  var powerOfTwoAbove: Float {
    let below = Float(sign: .plus, exponent: exponent, significand: 1)
    return below == self || exponent == Float.greatestFiniteMagnitude.exponent ? below : 2 * below
  }
}

/// What an integer layer lets through: everything, or the range of an activation that was fused into it.
public enum ActivationRange: Hashable, Sendable, Codable {
  case unbounded
  /// relu: [0, inf).
  case nonNegative
  /// relu6 and other clips.
  case clip(min: Float, max: Float)

  /// The lowest and highest u8 of the range under `params`.
  public func bounds(_ params: QuantParams) -> (low: UInt8, high: UInt8) {
    switch self {
    case .unbounded: (params.lowest, params.highest)
    case .nonNegative: (params.zeroPoint, params.highest)
    case .clip(let min, let max): (params.quantize(min), params.quantize(max))
    }
  }
}
