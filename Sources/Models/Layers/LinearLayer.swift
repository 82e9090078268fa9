import Tensors

/// `y = x W^T + b`: [..., inputs] to [..., outputs]. Parameters `weight` [outputs, inputs], `bias` [outputs].
public final class LinearLayer: WeightedLayer {
  private let inputs, outputs: Int

  public init(_ inputs: Int, _ outputs: Int, bias hasBias: Bool = true) throws {
    try Self.requireSize(inputs, "inputs", of: "linear")
    try Self.requireSize(outputs, "outputs", of: "linear")
    (self.inputs, self.outputs) = (inputs, outputs)
    try super.init(kind: "linear", weight: [outputs, inputs], outputs: outputs, bias: hasBias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: false) }

  func forward(_ x: Tensor, relu: Bool) throws -> Tensor {
    try apply(Linear(relu: relu), to: x)
  }

  public override var arguments: String {
    Self.arguments(["\(inputs)", "\(outputs)"], options: [biasOption])
  }
}
