import Tensors

/// Two-dimensional convolution: [N, inputs, H, W] to [N, outputs, OH, OW]. Parameters `weight`
/// [outputs, inputs / groups, kh, kw] and `bias` [outputs].
public final class Conv2dLayer: Module {
  public let weight: Parameter
  public let bias: Parameter?
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
    let shape = try Shape(checking: [outputs, inputs / groups, kernel.height, kernel.width], for: "conv2d")
    weight = Parameter(try Initializer.kaimingUniform(shape))
    bias = hasBias ? Parameter(try Initializer.bias(outputs, besideWeight: shape)) : nil
    super.init(kind: "conv2d")
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
        ("dilation", op.dilation.argument(unless: 1)), ("groups", op.groups == 1 ? nil : "\(op.groups)"),
        ("bias", bias == nil ? "false" : nil),
      ])
  }
}
