import Tensors

/// Two-dimensional transposed convolution: [N, inputs, H, W] to [N, outputs, OH, OW]. Parameters `weight`
/// [inputs, outputs / groups, kh, kw] and `bias` [outputs].
public final class ConvTranspose2dLayer: WeightedLayer {
  public let op: ConvTranspose2d
  private let inputs, outputs: Int
  private let kernel: Size2d

  public init(
    _ inputs: Int, _ outputs: Int, _ kernel: Size2d, stride: Size2d = 1, padding: Padding2d = 0,
    outputPadding: Size2d = 0, groups: Int = 1, bias hasBias: Bool = true, dilation: Size2d = 1
  ) throws {
    try Self.requireGroups(groups, inputs, outputs, of: "conv_transpose2d")
    try Window2d(kernel: kernel, stride: stride, padding: padding, dilation: dilation).check(
      for: "conv_transpose2d")
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    op = ConvTranspose2d(
      stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
    try super.init(
      kind: "conv_transpose2d", weight: [inputs, outputs / groups, kernel.height, kernel.width],
      outputs: outputs,
      bias: hasBias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try apply(op, to: x[0]) }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", kernel.argument],
      options: [
        ("stride", op.stride.argument(unless: 1)), ("padding", op.padding.argument),
        ("output_padding", op.outputPadding.argument(unless: 0)),
        ("groups", Self.option(op.groups, unless: 1)),
        biasOption, ("dilation", op.dilation.argument(unless: 1)),
      ])
  }
}
