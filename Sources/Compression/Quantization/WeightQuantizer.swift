import CKernels
import Models
import Tensors

/// s8 weights, symmetric, one scale per output channel (dimension 0): `w = q * scale[channel]`, q in -127...127.
public struct WeightQuantizer: Constraint, Hashable {
  public static let name = "quantizer"
  /// One per output channel, positive and finite.
  public let scales: [Float]

  public init(scales: [Float]) { self.scales = scales }

  /// Scales that map the largest magnitude of each channel to 127.
  ///
  /// - Parameters:
  ///   - weight: [O, ...], f32.
  ///   - bias: [O] or nil. It is added as an s32 of scale `inputScale * scale`; where that would not fit
  ///     (a dead channel with a bias), the scale is made larger.
  public init(weight: Tensor, bias: Tensor?, inputScale: Float) throws {
    let values = try weight.array(Float.self)
    let biases = try bias?.array(Float.self)
    let channels = weight.shape[0]
    let depth = weight.count / max(channels, 1)
    scales = try (0..<channels).map { channel in
      var largest: Float = 0
      for value in values[channel * depth..<(channel + 1) * depth] {
        try require(
          value.isFinite, "quantize",
          "output channel \(channel + 1) of a weight \(weight.shape) holds \(value)")
        largest = max(largest, abs(value))
      }
      let forBias = abs(biases?[channel] ?? 0) / inputScale / Float(1 << 22)
      let scale = max(largest / 127, forBias)
      return scale.isNormal ? scale : 1
    }
  }

  /// The s8 values of `weight` [O, ...], in its row-major order: `rne(w / scale)`, saturated to -127...127.
  public func quantize(_ weight: Tensor) throws -> [Int8] {
    let source = try weight.contiguous()
    let layout = qk_scale_layout(outer: 1, channels: scales.count, inner: weight.count / max(scales.count, 1))
    var result = [Int8](repeating: 0, count: weight.count)
    try checkStatus(
      qk_quantize_s8(qk_isa_active(), layout, source.floats, scales, nil, -127, &result), "quantize")
    return result
  }

  /// The values the kernel computes with: `q * scale`.
  public func dequantized(_ weight: Tensor) throws -> Tensor {
    let q = try quantize(weight)
    let depth = weight.count / max(scales.count, 1)
    return try Tensor(weight.shape, q.indices.map { Float(q[$0]) * scales[$0 / depth] })
  }

  public func enforce(on value: Tensor) throws {
    // Training keeps full-precision weights behind the quantized ones (straight-through estimator); the
    // promise is about the scales, which the integer layers read.
    try check(value)
  }

  public func check(_ value: Tensor) throws {
    try require(
      value.rank > 0 && value.shape[0] == scales.count, "quantizer",
      "weight \(value.shape) needs \(value.shape.first ?? 0) scales, there are \(scales.count)")
  }
}

/// Turns a status of the integer kernels into an error.
func checkStatus(_ status: qk_status, _ function: String) throws {
  guard status != QK_OK else { return }
  throw ShapeError(function, String(cString: qk_status_message(status)))
}
