import Tensors

/// `max(x, 0) + weight min(x, 0)` with learnt slopes: one for all, or one for each channel of [N, C, ...]. Parameter
/// `weight` [1] or [C].
public final class PReluLayer: Module {
  public let weight: Parameter
  private let initial: Double

  public init(_ parameters: Int = 1, initial: Double = 0.25) throws {
    try Self.requireSize(parameters, "num_parameters", of: "prelu")
    weight = Parameter(try .full([parameters], initial))
    self.initial = initial
    super.init(kind: "prelu")
    register("weight", weight)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try x[0].prelu(weight.value) }

  public override var arguments: String {
    let count = weight.value.count
    return Self.arguments(
      count == 1 ? [] : ["\(count)"], options: [("init", initial == 0.25 ? nil : "\(initial)")])
  }
}
