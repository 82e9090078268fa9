import TestSupport
import Testing

@testable import Tensors

@Suite struct SequencePoolingTests {
  @Test func gradients() throws {
    try expectGradient(of: MaxPool1d(3, stride: 2, padding: 1), [2, 2, 6])
    try expectGradient(of: MaxPool1d(2, stride: 1, dilation: 2), [1, 3, 5])
    try expectGradient(of: AvgPool1d(3, stride: 2, padding: 1), [2, 2, 6])
    try expectGradient(of: AvgPool1d(2, padding: 1, countIncludePad: false), [1, 3, 5])
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesWhatPyTorchDoes(dtype: DType) throws {
    let x = try pattern([1, 2, 6], dtype)
    #expect(try MaxPool1d(3, stride: 2, padding: 1)(x).doubles() == [2, 5, 5, 4, 3, 3])
    #expect(
      try matches(
        AvgPool1d(3, stride: 2, padding: 1)(x), [-1, 1.66666667, 1, 1.33333333, -0.33333333, -1]))
    #expect(
      try matches(
        AvgPool1d(3, stride: 2, padding: 1, countIncludePad: false)(x),
        [-1.5, 1.66666667, 1, 2, -0.33333333, -1]))
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func batchNormTakesSequences(dtype: DType) throws {
    let (mean, variance) = (try Tensor.zeros([2], dtype), try Tensor.ones([2], dtype))
    let y = try BatchNorm(training: true)(
      pattern([2, 2, 3], dtype), .ones([2], dtype), .zeros([2], dtype), mean, variance)
    #expect(
      try matches(
        y,
        [
          -1.30855916, 0.88982023, -0.36639657, 1.46384948, 0.2927699, -0.87830969, 1.51792863, 0.26171183,
          -0.99450496, 0.87830969, -0.2927699, -1.46384948,
        ]))
    #expect(try matches(variance, [2.11666667, 2.3]))
  }

  @Test func explains() {
    func message(_ op: any Op, _ x: Shape) -> String? {
      (#expect(throws: ShapeError.self) { try op.shape(of: [x]) })?.description
    }
    #expect(
      message(MaxPool1d(4), [1, 2, 3])
        == "max_pool1d: input [1, 2, 3] is shorter than the kernel: it covers 4 elements, the padded input has 3"
    )
    #expect(message(AvgPool1d(0), [1, 2, 3]) == "avg_pool1d: kernel must be positive (got 0)")
    #expect(
      message(AvgPool1d(2, padding: 2), [1, 2, 3])
        == "avg_pool1d: padding leaves windows of input [1, 2, 3] with nothing in them; half of the kernel's 2 "
        + "elements is always safe")
  }
}
