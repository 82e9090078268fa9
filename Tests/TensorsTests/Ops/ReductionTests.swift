import Tensors
import TestSupport
import Testing

@Suite struct ReductionTests {
  private static let axes: [([Int], Bool)] = [
    ([0], false), ([1], true), ([2], false), ([0, 2], true), ([0, 1, 2], false),
  ]

  @Test(arguments: axes) func gradient(axes: [Int], keepDims: Bool) throws {
    let shape: Shape = [2, 3, 4]
    try expectGradient(of: Sum(axes: axes, keepDims: keepDims), shape)
    try expectGradient(of: Mean(axes: axes, keepDims: keepDims), shape)
    try expectGradient(of: Max(axes: axes, keepDims: keepDims), shape)
    try expectGradient(of: Min(axes: axes, keepDims: keepDims), shape)
    try expectGradient(of: Prod(axes: axes, keepDims: keepDims), shape, in: 0.5...1.5)
    try expectGradient(of: Variance(axes: axes, keepDims: keepDims), shape)
    try expectGradient(of: Variance(axes: axes, keepDims: keepDims, correction: 0), shape)
  }

  @Test func productWithZerosHasTheRightGradient() throws {
    let x = try Tensor([3, 3], [2, 0, 3, 0, 0, 5, 1, 2, 3] as [Double])
    x.requiresGrad = true
    try Prod(axes: [1])(x).backward(from: .ones([3], .f64))
    #expect(try x.grad?.doubles() == [0, 6, 0, 0, 0, 0, 6, 3, 2])
  }

  @Test func reducesEveryType() throws {
    for type in DType.allCases {
      let x = try Tensor.from([0, 1, 1, 0, 1, 1], [2, 3], type)
      #expect(try Sum(axes: [1])(x).doubles() == [2, 2], "\(type)")
      #expect(try Max(axes: [0])(x).doubles() == [0, 1, 1], "\(type)")
      #expect(try Min(axes: [1])(x).doubles() == [0, 0], "\(type)")
      #expect(abs(try Mean(axes: [0, 1])(x).item() - 2.0 / 3) < 1e-7, "\(type)")
      #expect(try Prod(axes: [0])(x).doubles() == [0, 1, 1], "\(type)")
      #expect(try ArgMax(axis: 1)(x).array(Int64.self) == [1, 1], "\(type)")
      #expect(try ArgMin(axis: 1, keepDims: true)(x).shape == [2, 1], "\(type)")
    }
    #expect(try Sum(axes: [0])(.full([1000], 127, .i8)).array(Int64.self) == [127_000])
  }

  @Test func addsManyNumbersWithLittleRounding() throws {
    let x = try Tensor.full([3_000_000], 0.1)
    #expect(abs(try Sum(axes: [0])(x).item() - 300_000) < 0.3)
    #expect(abs(try Mean(axes: [0])(x).item() - 0.1) < 1e-7 * 2)
  }

  @Test func sameNumberInBothFormats() throws {
    let x = try Tensor.arange(start: 0, count: 120).reshaped([2, 3, 4, 5])
    let y = try x.copy(format: .channelsLast)
    for axes in [[0], [1], [2, 3], [0, 2, 3]] {
      #expect(try Sum(axes: axes)(x).doubles() == Sum(axes: axes)(y).doubles())
      #expect(try Max(axes: axes)(x).doubles() == Max(axes: axes)(y).doubles())
    }
    #expect(try ArgMax(axis: 1)(x).doubles() == ArgMax(axis: 1)(y).doubles())
  }

  @Test func nothingToReduce() throws {
    #expect(try Sum(axes: [0])(.zeros([0, 2])).doubles() == [0, 0])
    #expect(try Prod(axes: [0])(.zeros([0, 2])).doubles() == [1, 1])
    #expect(try Max(axes: [1])(.zeros([0, 2])).shape == [0])
    let error = #expect(throws: ShapeError.self) { try Max(axes: [0])(.zeros([0, 2])) }
    #expect(error?.description == "max: [0, 2] has nothing to reduce over")
    #expect(throws: ShapeError.self) { try Mean(axes: [0])(.zeros([0, 2])) }
    #expect(throws: ShapeError.self) { try ArgMax(axis: 0)(.zeros([0])) }
    let single = #expect(throws: ShapeError.self) { try Variance(axes: [0])(.zeros([1])) }
    #expect(single?.description == "variance: of 1 element(s) with correction 1 has no value")
  }

  @Test func largestIsNaNWhereThereIsOne() throws {
    let x = try Tensor([4], [1, Float.nan, 3, .nan])
    #expect(try Max(axes: [0])(x).item().isNaN)
    #expect(try ArgMax(axis: 0)(x).item() == 1)
    #expect(try ArgMin(axis: 0)(x).item() == 1)
  }

  @Test func namesTheMissingDimension() {
    let error = #expect(throws: ShapeError.self) { try Mean(axes: [2])(.zeros([2, 3])) }
    #expect(error?.description == "mean: [2, 3] has 2 dimensions, there is no dimension 3")
  }
}
