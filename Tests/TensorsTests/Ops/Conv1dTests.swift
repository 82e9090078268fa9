import TestSupport
import Testing

@testable import Tensors

@Suite struct Conv1dTests {
  @Test(
    arguments: [
      (Conv1d(), [2, 2, 5], [3, 2, 2]), (Conv1d(stride: 2, padding: 1), [1, 2, 6], [2, 2, 3]),
      (Conv1d(padding: (left: 2, right: 0), dilation: 2, groups: 2), [1, 4, 5], [2, 2, 2]),
    ] as [(Conv1d, Shape, Shape)])
  func gradient(op: Conv1d, x: Shape, weight: Shape) throws {
    try expectGradient(of: op, x, weight)
    try expectGradient(of: op, x, weight, [weight[0]])
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesWhatPyTorchDoes(dtype: DType) throws {
    let op = Conv1d(stride: 2, padding: 2, dilation: 2, groups: 2)
    let y = try op(
      pattern([1, 4, 7], dtype), pattern([2, 2, 3], dtype, a: 5, m: 7, o: 3), .from([1, -2], [2], dtype))
    #expect(y.shape == [1, 2, 4])
    #expect(try y.doubles() == [-6, 16, -14, 10, -15, 13, -12, -5])
  }

  @Test func whatFollowsKeepsItsChannelsInnermost() throws {
    let y = try Relu()(Conv1d()(pattern([2, 3, 6], .f32), pattern([4, 3, 2], .f32)))
    #expect(y.format == .sequenceChannelsLast)
    let z = try MaxPool1d(2)(y)
    #expect(z.format == .sequenceChannelsLast)
    #expect(try z.doubles() == MaxPool1d(2)(y.contiguous()).doubles())
  }

  @Test func countsMultiplications() {
    let cost = Conv1d(padding: 1, groups: 2).cost(of: [[2, 4, 5], [6, 2, 3]], output: [2, 6, 5])
    #expect(cost.macs == 2 * 6 * 5 * 2 * 3)
  }

  @Test(
    arguments: [
      (Conv1d(), [[1, 3, 8], [4, 2, 3]], "input [1, 3, 8] has 3 channels, weight [4, 2, 3] expects 2"),
      (Conv1d(), [[3, 8], [4, 3, 3]], "input must be [N, C, L], got [3, 8]"),
      (Conv1d(), [[1, 3, 8], [4, 3]], "weight must be [O, C / groups, k], got [4, 3]"),
      (
        Conv1d(dilation: 4), [[1, 2, 8], [4, 2, 3]],
        "input [1, 2, 8] is shorter than the kernel: it covers 9 elements, the padded input has 8"
      ),
      (Conv1d(stride: 0), [[1, 2, 8], [4, 2, 3]], "stride must be positive (got 0)"),
    ] as [(Conv1d, [Shape], String)])
  func explains(op: Conv1d, shapes: [Shape], problem: String) {
    let error = #expect(throws: ShapeError.self) { try op.shape(of: shapes) }
    #expect(error?.description == "conv1d: " + problem)
  }
}
