import Tensors

/// `y = x W^T + b` with s8 weights over u8 activations, an activation function fused. ONNX QLinearMatMul.
///
/// Inputs: x [N, ..., K] on the grid of `activations[0]`, weight [M, K] and optional bias [M] in full precision.
public struct QuantizedLinear: QuantizedOp {
  public static let name = "quantized_linear"
  public let activations: [QuantParams]
  public let quantizer: WeightQuantizer
  public let result: QuantParams?
  public let range: ActivationRange

  public init(
    input: QuantParams, _ quantizer: WeightQuantizer, result: QuantParams?, _ range: ActivationRange
  ) {
    self.activations = [input]
    self.quantizer = quantizer
    self.result = result
    self.range = range
  }

  public var float: any Op { Linear() }

  public func shape(of shapes: [Shape]) throws -> Shape {
    try require(
      shapes[0].rank != 4 && shapes[0].rank > 1, "input must be [N, K] or [N, T, K], got \(shapes[0])")
    return try float.shape(of: shapes)
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let values = try IntegerWeights(
      weight: weights[0], bias: weights.count > 1 ? weights[1] : nil, quantizer: quantizer,
      input: activations[0],
      output: IntegerOutput(result, range))
    let (outputs, inputs) = (weights[0].shape[0], weights[0].shape[1])
    let rows = shapes[0].dropFirst().dropLast().reduce(1, *)
    return try IntegerLinear(values, inputs: inputs, outputs: outputs, rows: rows)
  }

  public func dequantized(_ weights: [Tensor]) throws -> [Tensor] {
    [try quantizer.dequantized(weights[0])] + weights.dropFirst()
  }
}
