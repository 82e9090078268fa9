/// The mean of the elements under a sliding window, of sequences [N, C, L]; otherwise as `AvgPool2d`. ONNX
/// AveragePool of rank 3.
public struct AvgPool1d: SequenceOp {
  public static let name = "avg_pool1d"
  public let kernel, stride, padding: Int
  /// Whether the zeros of the padding count in the divisor (PyTorch's default).
  public let countIncludePad: Bool

  /// The stride is the kernel unless given.
  public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, countIncludePad: Bool = true) {
    (self.kernel, self.stride, self.padding) = (kernel, stride ?? kernel, padding)
    self.countIncludePad = countIncludePad
  }

  var plane: AvgPool2d {
    AvgPool2d(.sequence(kernel, stride: stride, padding: padding), countIncludePad: countIncludePad)
  }

  func check(_ s: [Shape]) throws { try requireFullWindows(plane.window, in: s[0]) }
}

extension SequenceOp {
  /// Refuses a pooling window that does not fit in `x`, or has positions with nothing but padding in them.
  func requireFullWindows(_ window: Window2d, in x: Shape) throws {
    try require(x[1] > 0, "input \(x) has no channels")
    try requireFit(of: window, in: x)
    try require(
      window.isFull(1, x[2], at: window.positions(1, x[2])),
      "padding leaves windows of input \(x) with nothing in them; half of the kernel's \(window.kernel.width) "
        + "elements is always safe")
  }
}
