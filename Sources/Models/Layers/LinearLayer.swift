import Tensors

/// `y = x W^T + b`: [..., inputs] to [..., outputs]. Parameters `weight` [outputs, inputs], `bias` [outputs].
public final class LinearLayer: Module {
  public let weight: Parameter
  public let bias: Parameter?
  private let inputs, outputs: Int

  public init(_ inputs: Int, _ outputs: Int, bias hasBias: Bool = true) throws {
    try Self.requireSize(inputs, "inputs", of: "linear")
    try Self.requireSize(outputs, "outputs", of: "linear")
    (self.inputs, self.outputs) = (inputs, outputs)
    let shape = try Shape(checking: [outputs, inputs], for: "linear")
    weight = Parameter(try Initializer.kaimingUniform(shape))
    bias = hasBias ? Parameter(try Initializer.bias(outputs, besideWeight: shape)) : nil
    super.init(kind: "linear")
    register("weight", weight)
    if let bias { register("bias", bias) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try Linear().apply([x[0], weight.value] + (bias.map { [$0.value] } ?? []))
  }

  public override var arguments: String {
    Self.arguments(["\(inputs)", "\(outputs)"], options: [("bias", bias == nil ? "false" : nil)])
  }
}
