import Tensors

/// A table of vectors looked up by i64 indices: S to [S..., features]. Parameter `weight` [rows, features].
public final class EmbeddingLayer: Module {
  public let weight: Parameter

  public init(_ rows: Int, _ features: Int) throws {
    try Self.requireSize(rows, "rows", of: "embedding")
    try Self.requireSize(features, "features", of: "embedding")
    weight = Parameter(try Initializer.normal(try Shape(checking: [rows, features], for: "embedding")))
    super.init(kind: "embedding")
    register("weight", weight)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try Embedding()(weight.value, x[0]) }

  public override var arguments: String { Self.arguments(weight.value.shape.map(String.init)) }
}
