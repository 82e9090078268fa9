/// One-dimensional convolution (cross-correlation). ONNX Conv of rank 3.
///
/// Inputs: `x` [N, C, L], `weight` [O, C / groups, k], optionally `bias` [O]; one type, f32 or f64. The result
/// [N, O, OL] has its channels innermost in f32, with `OL = (L + left + right - dilation (k - 1) - 1) / stride + 1`.
public struct Conv1d: SequenceOp {
  public static let name = "conv1d"
  public let stride: Int
  /// Elements of zeros in front and behind.
  public let padding: (left: Int, right: Int)
  public let dilation: Int
  public let groups: Int

  public init(stride: Int = 1, padding: (left: Int, right: Int) = (0, 0), dilation: Int = 1, groups: Int = 1)
  {
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
  }

  public init(stride: Int = 1, padding: Int, dilation: Int = 1, groups: Int = 1) {
    self.init(stride: stride, padding: (padding, padding), dilation: dilation, groups: groups)
  }

  var plane: Conv2d {
    Conv2d(
      stride: Size2d(1, stride),
      padding: Padding2d(top: 0, left: padding.left, bottom: 0, right: padding.right),
      dilation: Size2d(1, dilation), groups: groups)
  }

  func check(_ s: [Shape]) throws {
    let weight = s[1]
    try require(weight.rank == 3, "weight must be [O, C / groups, k], got \(weight)")
    try requireChannels(s, groups: groups)
    try requireFit(of: plane.window([weight[0], weight[1], 1, weight[2]]), in: s[0])
  }
}
