import Tensors

/// Scaled dot-product attention over u8 tensors, scores and probabilities in u8 as well.
///
/// Inputs: q, k, v as for `Attention`, k and v with zero point 128. There is no form with a mask of numbers; causal
/// attention has one.
public struct QuantizedAttention: QuantizedOp {
  public static let name = "quantized_attention"
  public let attention: Attention
  public let activations: [QuantParams]
  /// Of scale * q k^T.
  public let scores: QuantParams
  public let result: QuantParams?
  private let params: QuantParams

  public init(_ attention: Attention, _ inputs: [QuantParams], scores: QuantParams, result: QuantParams) {
    self.attention = attention
    activations = inputs
    self.scores = scores
    params = result
    self.result = result
  }

  public var float: any Op { attention }

  public func shape(of shapes: [Shape]) throws -> Shape {
    try require(shapes.count == 3, "has no int8 form with a mask of numbers; causal attention has one")
    return try attention.shape(of: shapes)
  }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let (q, k, v) = (shapes[0], shapes[1], shapes[2])
    return try IntegerAttention(
      .init(
        queries: q[1], keys: k[1], heads: attention.heads, keySize: q[2] / attention.heads,
        valueSize: v[2] / attention.heads, isCausal: attention.isCausal),
      scale: Float(attention.scale(for: q)), query: activations[0], key: activations[1],
      value: activations[2],
      scores: scores, result: params)
  }
}
