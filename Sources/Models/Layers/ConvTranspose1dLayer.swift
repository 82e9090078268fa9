import Tensors

/// One-dimensional transposed convolution: [N, inputs, L] to [N, outputs, OL]. Parameters `weight`
/// [inputs, outputs / groups, k] and `bias` [outputs].
public final class ConvTranspose1dLayer: WeightedLayer {
  public let op: ConvTranspose1d
  private let inputs, outputs, kernel: Int

  public init(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    groups: Int = 1, bias hasBias: Bool = true, dilation: Int = 1
  ) throws {
    try Self.requireGroups(groups, inputs, outputs, of: "conv_transpose1d")
    try Window2d.sequence(kernel, stride: stride, padding: padding, dilation: dilation).check(
      for: "conv_transpose1d")
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    op = ConvTranspose1d(
      stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
    try super.init(
      kind: "conv_transpose1d", weight: [inputs, outputs / groups, kernel], outputs: outputs,
      bias: hasBias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try apply(op, to: x[0]) }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", "\(kernel)"],
      options: [
        ("stride", Self.option(op.stride, unless: 1)), ("padding", Self.option(op.padding.left, unless: 0)),
        ("output_padding", Self.option(op.outputPadding, unless: 0)),
        ("groups", Self.option(op.groups, unless: 1)), biasOption,
        ("dilation", Self.option(op.dilation, unless: 1)),
      ])
  }
}
