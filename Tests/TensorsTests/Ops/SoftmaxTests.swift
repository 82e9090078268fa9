import Tensors
import TestSupport
import Testing

@Suite struct SoftmaxTests {
  @Test(arguments: [0, 1, 2]) func gradient(axis: Int) throws {
    try expectGradient(of: Softmax(axis: axis), [2, 3, 4])
    try expectGradient(of: LogSoftmax(axis: axis), [2, 3, 4])
  }

  @Test(arguments: [DType.f32, .f64]) func matchesTheReference(type: DType) throws {
    let x = try Tensor.from([1, 2, 3, 1000, 1000, -1000], [2, 3], type)
    let expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218, 0.5, 0.5, 0]
    for (a, b) in zip(try x.softmax().doubles(), expected) { #expect(abs(a - b) < 1e-7) }
    #expect(abs(try x.logSoftmax().doubles()[0] + 2.4076059644443806) < 1e-6)
  }

  @Test func worksOverChannelsInEitherFormat() throws {
    let x = try Tensor.arange(start: 0, count: 48, step: 0.1).reshaped([2, 3, 2, 4])
    #expect(try x.softmax(axis: 1).doubles() == x.copy(format: .channelsLast).softmax(axis: 1).doubles())
  }

  @Test func acceptsNoElements() throws {
    #expect(try Tensor.zeros([0, 3]).softmax().shape == [0, 3])
    #expect(try Tensor.zeros([2, 0]).softmax().shape == [2, 0])
    #expect(try Tensor.zeros([2, 0], .f64).logSoftmax().shape == [2, 0])
  }

  @Test func namesTheMissingDimension() {
    let error = #expect(throws: ShapeError.self) { try Tensor.zeros([2, 3]).softmax(axis: 2) }
    #expect(error?.description == "softmax: [2, 3] has 2 dimensions, there is no dimension 3")
  }
}
