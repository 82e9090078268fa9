/// The largest element under a sliding window, of sequences [N, C, L]; otherwise as `MaxPool2d`. ONNX MaxPool of
/// rank 3.
public struct MaxPool1d: SequenceOp {
  public static let name = "max_pool1d"
  public let kernel, stride, padding, dilation: Int

  /// The stride is the kernel unless given.
  public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1) {
    (self.kernel, self.stride, self.padding, self.dilation) = (kernel, stride ?? kernel, padding, dilation)
  }

  var plane: MaxPool2d {
    MaxPool2d(.sequence(kernel, stride: stride, padding: padding, dilation: dilation))
  }

  func check(_ s: [Shape]) throws { try requireFullWindows(plane.window, in: s[0]) }
}
