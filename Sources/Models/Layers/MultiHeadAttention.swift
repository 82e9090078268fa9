import Tensors

/// Self-attention over several heads: [N, T, features] to [N, T, features] (Vaswani et al., "Attention is all you
/// need", 2017, section 3.2.2). Children `q`, `k`, `v` and `out`, linear layers of `features` each. A second input is a
/// mask, which broadcasts to [N, heads, T, T] and is added to the scores.
public final class MultiHeadAttention: Module {
  private let q, k, v, out: LinearLayer
  private let op: Attention

  /// - Parameter isCausal: whether a position sees only those before it and itself.
  public init(_ features: Int, heads: Int, isCausal: Bool = false, bias: Bool = true) throws {
    try Self.requireSize(features, "features", of: "multi_head_attention")
    try Self.requireSize(heads, "heads", of: "multi_head_attention")
    try require(
      features % heads == 0, "multi_head_attention", "\(features) features do not divide into \(heads) heads")
    op = Attention(heads: heads, isCausal: isCausal)
    func layer() throws -> LinearLayer { try LinearLayer(features, features, bias: bias) }
    (q, k, v, out) = (try layer(), try layer(), try layer(), try layer())
    super.init(kind: "multi_head_attention")
    for (name, child) in [("q", q), ("k", k), ("v", v), ("out", out)] { register(name, child) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try out(op.apply([q(x[0]), k(x[0]), v(x[0])] + x.dropFirst().prefix(1)))
  }
}
