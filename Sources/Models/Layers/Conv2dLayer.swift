import Tensors

/// Two-dimensional convolution: [N, inputs, H, W] to [N, outputs, OH, OW]. Parameters `weight`
/// [outputs, inputs / groups, kh, kw] and `bias` [outputs].
public final class Conv2dLayer: WeightedLayer {
  public let op: Conv2d
  private let inputs, outputs: Int
  private let kernel: Size2d

  public init(
    _ inputs: Int, _ outputs: Int, _ kernel: Size2d, stride: Size2d = 1, padding: Padding2d = 0,
    dilation: Size2d = 1, groups: Int = 1, bias hasBias: Bool = true
  ) throws {
    try Self.requireGroups(groups, inputs, outputs, of: "conv2d")
    try Window2d(kernel: kernel, stride: stride, padding: padding, dilation: dilation).check(for: "conv2d")
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    op = Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups)
    try super.init(
      kind: "conv2d", weight: [outputs, inputs / groups, kernel.height, kernel.width], outputs: outputs,
      bias: hasBias)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: false) }

  func forward(_ x: Tensor, relu: Bool) throws -> Tensor {
    try apply(relu ? op.withRelu ?? op : op, to: x)
  }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", kernel.argument],
      options: [
        ("stride", op.stride.argument(unless: 1)), ("padding", op.padding.argument),
        ("dilation", op.dilation.argument(unless: 1)), ("groups", op.groups == 1 ? nil : "\(op.groups)"),
        biasOption,
      ])
  }
}
