import CKernels
import Models
import Tensors

/// The promise about one weight [O, ...]: codes q in `lowest...highest`, `w = (q - zero) * scale` with the scale and
/// zero point of the output channel (dimension 0) or of the group of inputs.
///
/// A weight that lies on this grid keeps its codes when it is quantized again, so that an algorithm may choose codes
/// of its own by putting their numbers into the weight.
public struct WeightQuantizer: Constraint, Hashable, Codable {
  public static let name = "quantizer"

  /// How a number gets its code.
  public enum Rounding: Hashable, Sendable, Codable {
    /// The nearest one, ties to even, saturated.
    case nearest
    /// 0 up to the threshold (one for each scale), else the sign: ternary weights.
    case threshold([Float])
    /// -1 or 1, 0 being positive: binary weights.
    case sign
  }

  /// Of s8 codes.
  public let lowest, highest: Int
  /// Inputs of an output channel that share a scale, the last group of a channel perhaps fewer; nil: all.
  public let group: Int?
  /// [O], or [O, groups] row-major; positive and finite.
  public let scales: [Float]
  /// As many as scales, each a code; empty where all are 0.
  public let zeroPoints: [Int8]
  public let rounding: Rounding

  public init(
    scales: [Float], zeroPoints: [Int8] = [], group: Int? = nil, lowest: Int = -127, highest: Int = 127,
    rounding: Rounding = .nearest
  ) {
    precondition(
      zeroPoints.isEmpty || zeroPoints.count == scales.count, "a zero point for each scale, or none")
    precondition(-128 <= lowest && lowest < highest && highest <= 127, "codes are s8")
    (self.scales, self.zeroPoints, self.group) = (scales, zeroPoints, group)
    (self.lowest, self.highest, self.rounding) = (lowest, highest, rounding)
  }

  public var isSymmetric: Bool { zeroPoints.isEmpty }

  /// Bits one code takes in a file.
  public var bits: Int {
    if case .sign = rounding { return 1 }
    return (highest - lowest).bitWidth - (highest - lowest).leadingZeroBitCount
  }

  /// The codes of `weight` in its row-major order.
  public func quantize(_ weight: Tensor) throws -> [Int8] {
    try check(weight)
    let source = try weight.contiguous()
    var result = [Int8](repeating: 0, count: weight.count)
    try withExtendedLifetime(source) {
      try result.withUnsafeMutableBufferPointer { codes in
        guard let to = codes.baseAddress else { return }
        switch rounding {
        case .nearest: try roundToNearest(source.floats, weight.shape, to)
        case .threshold(let thresholds):
          for (slice, values) in slices(of: weight.shape) {
            for i in values {
              let w = source.floats[i]
              to[i] = abs(w) > thresholds[slice] ? (w > 0 ? 1 : -1) : 0
            }
          }
        case .sign: for i in 0..<weight.count { to[i] = source.floats[i] >= 0 ? 1 : -1 }
        }
      }
    }
    return result
  }

  /// The values the kernel computes with: `(q - zero) * scale`.
  public func dequantized(_ weight: Tensor) throws -> Tensor {
    let q = try quantize(weight)
    let y = try Tensor(undefined: weight.shape)
    let to = y.floats
    for (slice, values) in slices(of: weight.shape) {
      let (scale, zero) = (scales[slice], zeroPoints.isEmpty ? 0 : Int32(zeroPoints[slice]))
      for i in values { to[i] = Float(Int32(q[i]) - zero) * scale }
    }
    return withExtendedLifetime(y) { y }
  }

  /// Whether every number of `weight` lies on the grid.
  public func holds(_ weight: Tensor) throws -> Bool {
    try dequantized(weight).array(Float.self) == weight.array(Float.self)
  }

  private func roundToNearest(
    _ source: UnsafePointer<Float>, _ shape: Shape, _ to: UnsafeMutablePointer<Int8>
  ) throws {
    for (slice, values) in slices(of: shape) {
      let layout = qk_scale_layout(outer: 1, channels: 1, inner: values.count)
      var (scale, zero) = (scales[slice], zeroPoints.isEmpty ? 0 : zeroPoints[slice])
      try checkStatus(
        qk_quantize_s8(
          qk_isa_active(), layout, source + values.lowerBound, &scale, &zero, Int8(max(lowest, -128)),
          to + values.lowerBound), "quantize")
    }
    guard highest < 127 else { return }
    let most = Int8(highest)
    for i in 0..<shape.elements { to[i] = min(to[i], most) }
  }

  /// Each scale's number and the elements it is for.
  private func slices(of shape: Shape) -> EnumeratedSequence<[Range<Int>]> {
    (group.map(WeightScheme.Granularity.group) ?? .channel).slices(of: shape).enumerated()
  }

  public func enforce(on value: Tensor) throws {
    // Training keeps full-precision weights behind the quantized ones (straight-through estimator); the
    // promise is about the scales, which the integer layers read.
    try check(value)
  }

  public func check(_ value: Tensor) throws {
    let channels = value.shape.first ?? 0
    let depth = channels == 0 ? 0 : value.count / channels
    let needed = channels * (group.map { (depth + $0 - 1) / $0 } ?? 1)
    try require(
      value.rank > 0 && scales.count == needed, "quantizer",
      "weight \(value.shape) needs \(needed) scales, there are \(scales.count)")
  }
}

/// Turns a status of the integer kernels into an error.
func checkStatus(_ status: qk_status, _ function: String) throws {
  guard status != QK_OK else { return }
  throw ShapeError(function, String(cString: qk_status_message(status)))
}
