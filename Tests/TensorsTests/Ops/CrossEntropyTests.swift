import TestSupport
import Testing

@testable import Tensors

@Suite struct CrossEntropyTests {
  @Test(arguments: [0, 0.1, 1])
  func gradient(labelSmoothing: Double) throws {
    let targets = try Tensor([3], [Int64(0), 3, 2])
    try expectGradient(of: CrossEntropy(labelSmoothing: labelSmoothing), [3, 4], [3], fixed: [1: targets])
  }

  /// Expected numbers computed with NumPy.
  @Test(arguments: [DType.f32, .f64], [(0, 1.486442587568777), (0.1, 1.5197759209021104)])
  func isTheMeanOverTheBatch(dtype: DType, expected: (smoothing: Double, loss: Double)) throws {
    let logits = try Tensor.from([1, 2, -1, 0.5, 0, 3], [2, 3], dtype)
    let loss = try CrossEntropy(labelSmoothing: expected.smoothing)(logits, Tensor([2], [Int64(1), 0]))
    #expect(abs(try loss.item() - expected.loss) < 1e-6)
  }

  @Test(arguments: [DType.f32, .f64])
  func survivesLargeLogits(dtype: DType) throws {
    let loss = try CrossEntropy()(.from([1e4, 0, 0, 1e4], [2, 2], dtype), Tensor([2], [Int64(0), 0]))
    #expect(try loss.item() == 5000)
  }

  @Test(arguments: [-1, 3] as [Int64])
  func refusesWhatIsNoClass(target: Int64) throws {
    let error = #expect(throws: ShapeError.self) { try CrossEntropy()(.ones([1, 3]), Tensor([1], [target])) }
    #expect(
      error?.description
        == "cross_entropy: target \(target) is not a class: logits [1, 3] have classes 0 to 2")
  }

  @Test func refusesTargetsOfAnotherLength() {
    let error = #expect(throws: ShapeError.self) { try CrossEntropy().shape(of: [[4, 3], [5]]) }
    #expect(error?.description == "cross_entropy: logits [4, 3] need targets [4], got [5]")
  }
}
