import Models
import Tensors

/// A small transformer with random weights for sequences [N, 6, 16]: an encoder layer of two heads with a gated
/// feed-forward part, then its result weighted by its own softmax, and beside it what came before.
public final class EncoderNet: Module {
  private let attention, first, gate, second, norms: Module

  public init(seed: UInt64, isCausal: Bool = false) throws {
    Random.reseed(seed)
    attention = try MultiHeadAttention(16, heads: 2, isCausal: isCausal)
    (first, gate, second) = (try LinearLayer(16, 24), try LinearLayer(16, 24), try LinearLayer(24, 16))
    norms = Sequential([try LayerNormLayer([16]), try LayerNormLayer([16])])
    super.init(kind: "encoder_net")
    for (name, child) in [
      ("attention", attention), ("first", first), ("gate", gate), ("second", second), ("norms", norms),
    ] { register(name, child) }
  }

  public override func forward(_ t: [Tensor]) throws -> Tensor {
    let layers = norms.children.map(\.module)
    let x = try layers[0](t[0] + attention(t[0]))
    let gated = try Gelu(.none)(first(x)) * Sigmoid()(gate(x))
    let y = try layers[1](x + second(gated))
    return try Tensor.concat([Softmax(axis: 2)(y) * y, x], axis: 2)
  }
}
