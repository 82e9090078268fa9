import CKernels
import Tensors

/// The integer kernels on tensors, for work by hand: u8 activations and s8 weights that carry their `quantization`,
/// s32 sums.
///
/// Networks use `IntegerStep`s, which keep their weights packed; these pack for one call.
public enum IntegerKernels {
  static func run(
    _ step: any IntegerStep, _ inputs: [Tensor], _ y: Tensor, batch: Int? = nil
  ) throws {
    guard y.count > 0 else { return }
    try step.run(batch: batch ?? y.shape[0], inputs, into: y)
  }

  static func check(_ x: Tensor, _ dtype: DType, _ name: String, _ function: String) throws {
    try require(x.dtype == dtype, function, "\(name) must be \(dtype), got \(x.dtype); see to(\"\(dtype)\")")
  }

  /// What a u8 tensor carries.
  static func params(_ x: Tensor, _ name: String, _ function: String) throws -> QuantParams {
    try check(x, .u8, name, function)
    guard let quantization = x.quantization, quantization.scales.count == 1,
      let zeroPoint = UInt8(exactly: quantization.zeroPoint)
    else {
      throw ShapeError(
        function,
        "\(name) carries no scale and zero point; set \(name).quantization = {scale = ..., zero_point = ...}, or make "
          + "it with qs.int8.quantize")
    }
    return QuantParams(scale: quantization.scales[0], zeroPoint: zeroPoint)
  }

  /// A u8 tensor that carries `params`, contents undefined.
  static func result(_ shape: Shape, _ params: QuantParams, format: MemoryFormat = .contiguous) throws
    -> Tensor
  {
    try Tensor(undefined: shape, .u8, format: format).carrying(params)
  }
}

extension Tensor {
  func carrying(_ params: QuantParams) -> Tensor {
    quantization = Quantization(scales: [params.scale], zeroPoint: Int(params.zeroPoint))
    return self
  }
}
