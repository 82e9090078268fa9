import Tensors

/// One-dimensional convolution: [N, inputs, L] to [N, outputs, OL]. Parameters `weight`
/// [outputs, inputs / groups, k] and `bias` [outputs].
public final class Conv1dLayer: WeightedLayer {
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
    try super.init(
      kind: "conv1d", weight: [outputs, inputs / groups, kernel], outputs: outputs,
      bias: hasBias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try apply(op, to: x[0]) }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", "\(kernel)"],
      options: [
        ("stride", Self.option(op.stride, unless: 1)), ("padding", Self.option(op.padding.left, unless: 0)),
        ("dilation", Self.option(op.dilation, unless: 1)), ("groups", Self.option(op.groups, unless: 1)),
        biasOption,
      ])
  }
}
