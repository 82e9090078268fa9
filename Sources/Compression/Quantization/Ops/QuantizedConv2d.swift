import CKernels
import Tensors

/// A convolution with s8 weights over u8 activations, an activation function fused. ONNX QLinearConv.
///
/// Inputs: x [N, C, H, W] on the grid of `activations[0]`, weight [O, C / groups, kh, kw] and optional bias [O]
/// in full precision; they are quantized with `quantizer` each time, so that they can train.
public struct QuantizedConv2d: QuantizedOp {
  public static let name = "quantized_conv2d"
  public let convolution: Conv2d
  public let activations: [QuantParams]
  public let quantizer: WeightQuantizer
  public let result: QuantParams?
  public let range: ActivationRange

  public init(
    _ convolution: Conv2d, input: QuantParams, _ quantizer: WeightQuantizer, result: QuantParams?,
    _ range: ActivationRange
  ) {
    self.convolution = convolution
    self.activations = [input]
    self.quantizer = quantizer
    self.result = result
    self.range = range
  }

  public var float: any Op { convolution }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let (x, weight) = (shapes[0], weights[0].shape)
    let window = convolution.window(weight)
    let geometry = qk_conv2d_shape(x, window, outputs: weight[0], groups: convolution.groups)
    let values = try IntegerWeights(
      weight: weights[0], bias: weights.count > 1 ? weights[1] : nil, quantizer: quantizer,
      input: activations[0],
      output: IntegerOutput(result, range))
    return try IntegerConv2d(values, geometry)
  }

  public func dequantized(_ weights: [Tensor]) throws -> [Tensor] {
    [try quantizer.dequantized(weights[0])] + weights.dropFirst()
  }
}
