import Tensors

/// One-dimensional convolution: [N, inputs, L] to [N, outputs, OL]. Parameters `weight`
/// [outputs, inputs / groups, k] and `bias` [outputs].
public final class Conv1dLayer: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public let op: Conv1d
  private let inputs, outputs, kernel: Int

  public init(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias hasBias: Bool = true
  ) throws {
    try Self.requireGroups(groups, inputs, outputs, of: "conv1d")
    try Window2d.sequence(kernel, stride: stride, padding: padding, dilation: dilation).check(
      for: "conv1d")
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    op = Conv1d(stride: stride, padding: padding, dilation: dilation, groups: groups)
    let shape = try Shape(checking: [outputs, inputs / groups, kernel], for: "conv1d")
    weight = Parameter(try Initializer.kaimingUniform(shape))
    bias = hasBias ? Parameter(try Initializer.bias(outputs, besideWeight: shape)) : nil
    super.init(kind: "conv1d")
    register("weight", weight)
    if let bias { register("bias", bias) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try op.apply([x[0], weight.value] + (bias.map { [$0.value] } ?? []))
  }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", "\(kernel)"],
      options: [
        ("stride", Self.option(op.stride, unless: 1)), ("padding", Self.option(op.padding.left, unless: 0)),
        ("dilation", Self.option(op.dilation, unless: 1)), ("groups", Self.option(op.groups, unless: 1)),
        ("bias", bias == nil ? "false" : nil),
      ])
  }
}
