import TestSupport
import Testing

@testable import Tensors

@Suite struct PReluTests {
  @Test(
    arguments: [([2, 3, 2, 2], [3, 1, 1]), ([4, 3], [1]), ([2, 3, 4], [2, 3, 4])] as [(Shape, Shape)])
  func gradient(x: Shape, slope: Shape) throws { try expectGradient(of: PRelu(), x, slope) }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesWhatPyTorchDoes(dtype: DType) throws {
    let x = try pattern([1, 2, 2, 2], dtype)
    let slope = try Tensor.from([0.25, -0.5], [2], dtype)
    #expect(try x.prelu(slope).doubles() == [-1.25, 2, -0.5, 5, 1, 1.5, 4, -0.0])
    #expect(try x.channelsLast().prelu(slope).doubles() == x.prelu(slope).doubles())
  }

  @Test func refusesASlopeForOtherChannels() throws {
    let error = #expect(throws: ShapeError.self) { try Tensor.ones([2, 3, 4]).prelu(.ones([4])) }
    #expect(
      error?.description
        == "prelu: slope [4] must have one element, or one for each channel of input [2, 3, 4]")
    #expect(throws: ShapeError.self) { try PRelu()(.ones([2, 1]), .ones([2, 3])) }
  }
}
