import Tensors
import Testing

@Suite struct TensorArithmeticTests {
  private let ints: Tensor
  init() throws { ints = try Tensor([2], [5, -3] as [Int8]) }

  @Test func numbersTakeTheTensorsType() throws {
    let x = try Tensor([2], [1, 2] as [Float])
    #expect(try (x + 1).array(Float.self) == [2, 3])
    #expect(try (1 - x).array(Float.self) == [0, -1])
    #expect(try (2 / x).array(Float.self) == [2, 1])
    #expect(try (ints * 2).array(Int8.self) == [10, -6])
    #expect(try (ints + 0.5).array(Float.self) == [5.5, -2.5])
    #expect(try (ints / 2).array(Float.self) == [2.5, -1.5])
    #expect(try (x.converted(to: .f64) + 1).dtype == .f64)
    #expect(try (-x).array(Float.self) == [-1, -2])
  }

  @Test func typesAreBroughtTogether() throws {
    #expect(try (ints + Tensor([2], [1, 1] as [Int64])).dtype == .i64)
    #expect(try (ints + Tensor.ones([2])).dtype == .f32)
    #expect(try (ints + Tensor([2], [1, 1] as [UInt8])).dtype == .i32)
    #expect(try ints.equal(Tensor.from([5, 1], [2], .f64)).array(Truth.self) == [Truth(true), Truth(false)])
  }

  @Test func aGradientFlowsThroughAConversion() throws {
    let x = try Tensor([2], [1, 2] as [Float])
    x.requiresGrad = true
    try (x * Tensor.from([3, 4], [2], .f64)).sum().backward()
    #expect(try x.grad?.array(Float.self) == [3, 4])
  }

  @Test func refusesANumberThatDoesNotFit() {
    let error = #expect(throws: ShapeError.self) { try ints + 300 }
    #expect(error?.description == "add: 300 does not fit in i8; convert the tensor first")
  }

  @Test func comparesAndChooses() throws {
    let x = try Tensor([3], [-1, 0, 2] as [Float])
    #expect(try x.greater(0).choose(x, 0).array(Float.self) == [0, 0, 2])
    #expect(try x.less(0).logicalOr(x.equal(2)).doubles() == [1, 0, 1])
    #expect(try x.lessOrEqual(0).logicalNot().doubles() == [0, 0, 1])
    #expect(try x.notEqual(0).logicalAnd(x.greaterOrEqual(0)).doubles() == [0, 0, 1])
    #expect(throws: ShapeError.self) { try x.logicalNot() }
  }

  @Test func powersOfWholeNumbers() throws {
    let x = try Tensor([2], [3, -2] as [Int32])
    #expect(try x.pow(2).array(Int32.self) == [9, 4])
    #expect(try x.pow(3).array(Int32.self) == [27, -8])
    #expect(try Tensor([2], [4, 9] as [Float]).pow(0.5).array(Float.self) == [2, 3])
    #expect(try Tensor([2], [1, 3] as [Float]).power(of: 2).array(Float.self) == [2, 8])
  }
}
