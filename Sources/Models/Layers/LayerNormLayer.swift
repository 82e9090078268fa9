import Tensors

/// Normalisation over the last dimensions of each sample. Parameters `weight` and `bias` of their shape.
public final class LayerNormLayer: Module {
  public let weight, bias: Parameter
  private let op: LayerNorm

  /// - Parameter shape: the trailing dimensions normalised together.
  public init(_ shape: [Int], epsilon: Double = 1e-5) throws {
    let normalized = try Shape(checking: shape, for: "layer_norm")
    for extent in shape { try Self.requireSize(extent, "shape", of: "layer_norm") }
    try require(!shape.isEmpty, "layer_norm", "argument 'shape' must have at least one dimension")
    op = LayerNorm(axes: shape.count, epsilon: epsilon)
    weight = Parameter(try .ones(normalized))
    bias = Parameter(try .zeros(normalized))
    super.init(kind: "layer_norm")
    register("weight", weight)
    register("bias", bias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0], weight.value, bias.value) }

  public override var arguments: String {
    let shape = weight.value.shape.map(String.init)
    return Self.arguments(
      [shape.count == 1 ? shape[0] : "{\(shape.joined(separator: ", "))}"],
      options: [("eps", op.epsilon == 1e-5 ? nil : "\(op.epsilon)")])
  }
}
