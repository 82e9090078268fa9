import Tensors

/// Sets elements to 0 at random in training; nothing in evaluation.
public final class DropoutLayer: Module {
  private let op: Dropout

  public init(_ probability: Double = 0.5) throws {
    try require(
      probability >= 0 && probability <= 1, "dropout",
      "argument 'probability' must be from 0 to 1 (got \(probability))")
    op = Dropout(probability)
    super.init(kind: "dropout")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try op.mode(training: isTraining).apply([x[0]])
  }

  public override var arguments: String { Self.arguments(["\(op.probability)"]) }
}
