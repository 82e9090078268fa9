/// One-dimensional transposed convolution; see `ConvTranspose2d`. ONNX ConvTranspose of rank 3.
///
/// Inputs: `x` [N, C, L], `weight` [C, O / groups, k], optionally `bias` [O]. The result is [N, O, OL], with
/// `OL = (L - 1) stride - left - right + dilation (k - 1) + output_padding + 1`.
public struct ConvTranspose1d: SequenceOp {
  public static let name = "conv_transpose1d"
  public let stride: Int
  /// Elements cut off in front and behind.
  public let padding: (left: Int, right: Int)
  public let outputPadding: Int
  public let dilation: Int
  public let groups: Int

  public init(
    stride: Int = 1, padding: (left: Int, right: Int) = (0, 0), outputPadding: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) {
    (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
    (self.dilation, self.groups) = (dilation, groups)
  }

  public init(stride: Int = 1, padding: Int, outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1) {
    self.init(
      stride: stride, padding: (padding, padding), outputPadding: outputPadding, dilation: dilation,
      groups: groups)
  }

  var plane: ConvTranspose2d {
    ConvTranspose2d(
      stride: Size2d(1, stride),
      padding: Padding2d(top: 0, left: padding.left, bottom: 0, right: padding.right),
      outputPadding: Size2d(0, outputPadding), dilation: Size2d(1, dilation), groups: groups)
  }

  func check(_ s: [Shape]) throws {
    let (x, weight) = (s[0], s[1])
    try require(weight.rank == 3, "weight must be [C, O / groups, k], got \(weight)")
    try requireTransposedChannels(s, groups: groups)
    let window = Window2d(
      kernel: Size2d(1, weight[2]), stride: plane.stride, padding: plane.padding, dilation: plane.dilation)
    try window.check(for: name)
    try requireOutputPadding(outputPadding, stride)
    let length = (x[2] - 1) * stride - padding.left - padding.right + window.reach.width + outputPadding
    try require(
      x[2] > 0 && length > 0,
      "input \(x) is too short: the padding leaves a result of \(max(length, 0)) elements")
  }
}
