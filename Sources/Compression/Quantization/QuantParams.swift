import Tensors

/// How a real number becomes a u8 and back: `x = (q - zeroPoint) * scale`. Per-tensor, asymmetric.
///
/// The reals that have an exact u8 are the *grid* of these parameters. A tensor in a quantized graph holds
/// grid values in f32, so that the integers behind it can be recovered without loss.
public struct QuantParams: Hashable, Sendable, Codable {
  /// Positive and finite.
  public let scale: Float
  public let zeroPoint: UInt8

  public init(scale: Float, zeroPoint: UInt8) {
    self.scale = scale
    self.zeroPoint = zeroPoint
  }

  /// The parameters whose grid covers [min, max], widened to contain 0 so that padding is exact
  /// (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
  /// inference", CVPR 2018, section 3). A range of one point, 0, gets scale 1.
  public init(covering min: Float, _ max: Float) {
    let (low, high) = (Swift.min(min, 0), Swift.max(max, 0))
    let span = high / 255 - low / 255  // divided first: the span itself may overflow
    guard span.isNormal else {
      self.init(scale: 1, zeroPoint: 0)
      return
    }
    let zero = (-low / span).rounded(.toNearestOrEven)
    self.init(scale: span, zeroPoint: UInt8(Swift.min(Swift.max(zero, 0), 255)))
  }

  /// The parameters of zero point 128 that cover [-magnitude, magnitude]: an s8 in a u8's clothes.
  public init(symmetric magnitude: Float) {
    let scale = magnitude / 127
    self.init(scale: scale.isNormal ? scale : 1, zeroPoint: 128)
  }

  /// The u8 nearest to `x`, ties to even, saturating: the arithmetic of `qk_quantize_u8`.
  public func quantize(_ x: Float) -> UInt8 {
    let q = (x / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
    return q > 0 ? (q < 255 ? UInt8(q) : 255) : 0
  }

  public func dequantize(_ q: UInt8) -> Float { Float(Int32(q) - Int32(zeroPoint)) * scale }
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
    case .unbounded: (0, 255)
    case .nonNegative: (params.zeroPoint, 255)
    case .clip(let min, let max): (params.quantize(min), params.quantize(max))
    }
  }
}
