import Tensors

/// A layer with an op that takes the input, a weight and perhaps a bias: linear layers and convolutions. Parameters
/// `weight`, drawn as PyTorch does, and `bias` [outputs].
public class WeightedLayer: Module {
  public let weight: Parameter
  public let bias: Parameter?

  init(kind: String, weight dimensions: [Int], outputs: Int, bias hasBias: Bool) throws {
    let shape = try Shape(checking: dimensions, for: kind)
    weight = Parameter(try Initializer.kaimingUniform(shape))
    bias = hasBias ? Parameter(try Initializer.bias(outputs, besideWeight: shape)) : nil
    super.init(kind: kind)
    register("weight", weight)
    if let bias { register("bias", bias) }
  }

  final func apply(_ op: any Op, to x: Tensor) throws -> Tensor {
    try op.apply([x, weight.value] + (bias.map { [$0.value] } ?? []))
  }

  /// How the absence of a bias prints.
  final var biasOption: (name: String, value: String?) { ("bias", bias == nil ? "false" : nil) }
}
