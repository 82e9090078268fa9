import Tensors

/// A table of vectors looked up by i64 indices: S to [S..., features]. Parameter `weight` [rows, features].
public final class EmbeddingLayer: Module {
  public let weight: Parameter
  private let op: Embedding

  /// - Parameter isSparse: whether optimizers are to change only the rows that were looked up.
  public init(_ rows: Int, _ features: Int, isSparse: Bool = false) throws {
    op = Embedding(isSparse: isSparse)
    try Self.requireSize(rows, "rows", of: "embedding")
    try Self.requireSize(features, "features", of: "embedding")
    weight = Parameter(try Initializer.normal(try Shape(checking: [rows, features], for: "embedding")))
    super.init(kind: "embedding")
    register("weight", weight)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(weight.value, x[0]) }

  public override var arguments: String {
    Self.arguments(
      weight.value.shape.map(String.init), options: [("sparse", op.isSparse ? "true" : nil)])
  }
}
