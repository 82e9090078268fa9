import TestSupport
import Testing

@testable import Tensors

@Suite struct ConvTransposeTests {
  @Test(
    arguments: [
      (ConvTranspose2d(), [1, 2, 3, 2], [2, 3, 2, 2]),
      (ConvTranspose2d(stride: 2, padding: 1, outputPadding: 1), [2, 2, 3, 3], [2, 1, 3, 3]),
      (
        ConvTranspose2d(stride: Size2d(1, 3), outputPadding: Size2d(0, 2), dilation: 2, groups: 2),
        [1, 4, 2, 2],
        [4, 2, 2, 3]
      ),
      (
        ConvTranspose2d(padding: Padding2d(top: 1, left: 0, bottom: 0, right: 2)), [1, 2, 3, 3], [2, 2, 3, 3]
      ),
    ] as [(ConvTranspose2d, Shape, Shape)])
  func gradient(op: ConvTranspose2d, x: Shape, weight: Shape) throws {
    try expectGradient(of: op, x, weight)
    try expectGradient(of: op, x, weight, [weight[1] * op.groups])
  }

  @Test func gradientOfSequences() throws {
    let op = ConvTranspose1d(stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2)
    try expectGradient(of: op, [2, 4, 3], [4, 1, 2], [2])
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesWhatPyTorchDoes(dtype: DType) throws {
    let op = ConvTranspose2d(
      stride: Size2d(2, 3), padding: Padding2d(Size2d(1, 0)), outputPadding: Size2d(1, 2),
      dilation: Size2d(2, 1),
      groups: 2)
    let y = try op(
      pattern([1, 4, 3, 2], dtype), pattern([4, 1, 2, 3], dtype, a: 5, m: 7, o: 3),
      .from([1, -2], [2], dtype))
    #expect(y.shape == [1, 2, 6, 8])
    #expect(
      try y.doubles() == [
        1, 1, 1, 1, 1, 1, 1, 1, 21, -14, 0, -21, 8, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 8, -15, 5, 19, 5, 1,
        1, 1, 1,
        1, 1, 1, 1, 1, 1, -1, 6, -1, 7, 2, -17, 1, 1, -2, -2, -2, -2, -2, -2, -2, -2, 16, -4, -24, 4, -12, 0,
        -2, -2,
        -2, -2, -2, -2, -2, -2, -2, -2, -19, 2, 2, 13, -6, -18, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, 7,
        -12, 4, 0,
        2, -10, -2, -2,
      ])
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesSequencesAsPyTorchDoes(dtype: DType) throws {
    let op = ConvTranspose1d(stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2)
    let y = try op(
      pattern([1, 4, 3], dtype), pattern([4, 1, 2], dtype, a: 5, m: 7, o: 3), .from([1, -2], [2], dtype))
    #expect(y.shape == [1, 2, 6])
    #expect(try y.doubles() == [1, -25, 1, 9, 1, 3, -2, -6, -2, -6, -2, 9])
  }

  @Test func countsMultiplications() {
    let cost = ConvTranspose2d(groups: 2).cost(of: [[2, 4, 5, 5], [4, 3, 3, 3]], output: [2, 6, 7, 7])
    #expect(cost.macs == 2 * 4 * 5 * 5 * 3 * 3 * 3)
  }

  @Test func acceptsAnEmptyBatch() throws {
    let (x, weight) = (try Tensor.ones([0, 2, 4, 4]), try Tensor.ones([2, 3, 3, 3]))
    weight.requiresGrad = true
    let y = try ConvTranspose2d()(x, weight, .ones([3]))
    #expect(y.shape == [0, 3, 6, 6])
    try y.sum().backward()
    #expect(try weight.grad?.doubles().allSatisfy { $0 == 0 } == true)
  }

  @Test(
    arguments: [
      (
        ConvTranspose2d(), [[1, 3, 8, 8], [2, 4, 3, 3]],
        "input [1, 3, 8, 8] has 3 channels, weight [2, 4, 3, 3] expects 2"
      ),
      (
        ConvTranspose2d(stride: 2, outputPadding: 2), [[1, 2, 8, 8], [2, 4, 3, 3]],
        "output_padding must be at least 0 and smaller than the stride 2 (got 2)"
      ),
      (
        ConvTranspose2d(padding: 2), [[1, 2, 1, 3], [2, 4, 3, 3]],
        "input [1, 2, 1, 3] is too small: the padding leaves a result of 0 x 1 pixels"
      ),
      (
        ConvTranspose2d(groups: 2), [[1, 2, 4, 4], [2, 2, 3, 3], [3]],
        "bias [3] must have one element for each of the 4 output channels"
      ),
    ] as [(ConvTranspose2d, [Shape], String)])
  func explains(op: ConvTranspose2d, shapes: [Shape], problem: String) {
    let error = #expect(throws: ShapeError.self) { try op.shape(of: shapes) }
    #expect(error?.description == "conv_transpose2d: " + problem)
  }
}
