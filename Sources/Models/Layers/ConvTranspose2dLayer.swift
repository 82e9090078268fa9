import Tensors

/// Two-dimensional transposed convolution: [N, inputs, H, W] to [N, outputs, OH, OW]. Parameters `weight`
/// [inputs, outputs / groups, kh, kw] and `bias` [outputs].
public final class ConvTranspose2dLayer: Module {
  public let weight: Parameter
  public let bias: Parameter?
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
    let shape = try Shape(
      checking: [inputs, outputs / groups, kernel.height, kernel.width], for: "conv_transpose2d")
    weight = Parameter(try Initializer.kaimingUniform(shape))
    bias = hasBias ? Parameter(try Initializer.bias(outputs, besideWeight: shape)) : nil
    super.init(kind: "conv_transpose2d")
    register("weight", weight)
    if let bias { register("bias", bias) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try op.apply([x[0], weight.value] + (bias.map { [$0.value] } ?? []))
  }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(outputs)", kernel.argument],
      options: [
        ("stride", op.stride.argument(unless: 1)), ("padding", op.padding.argument),
        ("output_padding", op.outputPadding.argument(unless: 0)),
        ("groups", Self.option(op.groups, unless: 1)),
        ("bias", bias == nil ? "false" : nil), ("dilation", op.dilation.argument(unless: 1)),
      ])
  }
}
