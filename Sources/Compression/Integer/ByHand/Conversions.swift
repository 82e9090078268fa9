import CKernels
import Tensors

extension IntegerKernels {
  /// f32 to u8, ties to even, saturating; by the range of the values, 0 included, if `params` is left out.
  public static func quantize(_ x: Tensor, _ params: QuantParams? = nil) throws -> Tensor {
    try check(x, .f32, "x", "quantize")
    let params = try params ?? covering(x)
    return try params.quantize(x).carrying(params)
  }

  /// u8 to f32, by what the tensor carries if `params` is left out.
  public static func dequantize(_ q: Tensor, _ given: QuantParams? = nil) throws -> Tensor {
    let known = try given ?? params(q, "q", "dequantize")
    try check(q, .u8, "q", "dequantize")
    return try known.dequantize(try q.dense())
  }

  /// f32 weights [O, ...] to s8 with one scale per output channel, which the result carries.
  public static func quantize(weight: Tensor) throws -> Tensor {
    try check(weight, .f32, "weight", "quantize_weight")
    try require(weight.rank > 0, "quantize_weight", "weight must be [O, ...], got a scalar")
    let quantizer = try WeightQuantizer(weight: weight, bias: nil, inputScale: 1)
    let values = try Tensor(weight.shape, quantizer.quantize(weight))
    values.quantization = Quantization(scales: quantizer.scales)
    return values
  }

  /// Every row of f32 [..., n] to u8 by its own range, as ONNX DynamicQuantizeLinear does a whole tensor.
  ///
  /// - Returns: the values, and for each row [...] its scale (f32) and zero point (u8).
  public static func quantizeRows(_ x: Tensor) throws -> (values: Tensor, scales: Tensor, zeroPoints: Tensor)
  {
    try check(x, .f32, "x", "dynamic_quantize")
    try require(x.rank > 0 && x.count > 0, "dynamic_quantize", "needs at least one row, got \(x.shape)")
    let source = try x.contiguous()
    let n = x.shape[x.rank - 1]
    let rows = Shape(x.shape.dropLast())
    let values = try Tensor(undefined: x.shape, .u8)
    let (scales, zeroPoints) = (try Tensor(undefined: rows), try Tensor(undefined: rows, .u8))
    try withExtendedLifetime((source, values, scales, zeroPoints)) {
      try checkStatus(
        qk_dynamic_quantize_rows_u8(
          qk_isa_active(), rows.elements, n, source.floats, n, values.pointer(UInt8.self), n, scales.floats,
          zeroPoints.pointer(UInt8.self)), "dynamic_quantize")
    }
    return (values, scales, zeroPoints)
  }

  /// The least and the largest finite number, and how many numbers are not finite.
  public static func range(_ x: Tensor) throws -> (min: Float, max: Float, nonFinite: Int) {
    try check(x, .f32, "x", "range")
    let source = try x.dense()
    let found = withExtendedLifetime(source) { qk_minmax_f32(qk_isa_active(), source.count, source.floats) }
    return (found.min, found.max, found.nan_count + found.inf_count)
  }

  /// How many numbers fall into each of `bins` bins of one width from `low` to `high`, both included.
  public static func histogram(_ x: Tensor, bins: Int, low: Float, high: Float) throws -> Tensor {
    try check(x, .f32, "x", "histogram")
    try require(
      (1...Int(QK_MAX_BINS)).contains(bins), "histogram",
      "bins must be from 1 to \(QK_MAX_BINS) (got \(bins))")
    let source = try x.dense()
    var (counts, outside) = ([UInt64](repeating: 0, count: bins), qk_histogram_outside())
    try withExtendedLifetime(source) {
      try checkStatus(
        qk_histogram_f32(qk_isa_active(), source.count, source.floats, low, high, bins, &counts, &outside),
        "histogram")
    }
    return try Tensor([bins], counts.map { Int64($0) })
  }

  private static func covering(_ x: Tensor) throws -> QuantParams {
    let range = try range(x)
    try require(range.nonFinite == 0, "quantize", "\(range.nonFinite) numbers of x are NaN or infinite")
    return x.count == 0 ? QuantParams(scale: 1, zeroPoint: 0) : QuantParams(covering: range.min, range.max)
  }
}
