import Tensors
import TestSupport
import Testing

@Suite struct ArithmeticTests {
  private static let shapes: [(Shape, Shape)] = [
    ([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1, 3], [4, 1]), ([], [2, 2]),
  ]

  @Test(arguments: shapes) func gradient(a: Shape, b: Shape) throws {
    try expectGradient(of: Sub(), a, b)
    try expectGradient(of: Mul(), a, b)
    try expectGradient(of: Div(), a, b, in: 0.5...2)
    try expectGradient(of: Pow(), a, b, in: 0.5...2)
    try expectGradient(of: Maximum(), a, b)
    try expectGradient(of: Minimum(), a, b)
  }

  @Test func sharesTheGradientOfATie() throws {
    let (a, b) = (try Tensor([2], [1.0, 2.0]), try Tensor([2], [1.0, 3.0]))
    a.requiresGrad = true
    b.requiresGrad = true
    try Maximum()(a, b).backward(from: .ones([2], .f64))
    #expect(try a.grad?.doubles() == [0.5, 0])
    #expect(try b.grad?.doubles() == [0.5, 1])
  }

  @Test func dividesTruly() throws {
    let y = try Div()(Tensor([3], [Int8.min, 7, 1]), Tensor([3], [Int8(-1), 2, 0]))
    #expect(try y.array(Float.self) == [128, 3.5, .infinity])
  }

  @Test func wrapsIntegers() throws {
    #expect(try Mul()(Tensor([1], [Int64.max]), Tensor([1], [Int64(2)])).array(Int64.self) == [-2])
    #expect(try Sub()(Tensor([1], [UInt8(0)]), Tensor([1], [UInt8(1)])).array(UInt8.self) == [255])
    #expect(
      try Pow()(Tensor([2], [Int32(3), -2]), Tensor([2], [Int32(40), 3])).array(Int32.self) == [
        689956897, -8,
      ])
  }

  @Test func refusesNegativeIntegerPowers() {
    let error = #expect(throws: ShapeError.self) {
      try Pow()(Tensor([1], [Int32(2)]), Tensor([1], [Int32(-1)]))
    }
    #expect(
      error?.description == "pow: an integer to the power -1 is no integer; convert with to(\"f32\") first")
  }

  @Test func powerHasAFiniteSlopeAtZero() throws {
    let (a, b) = (try Tensor([2], [0.0, 0.0]), try Tensor([2], [0.0, 2.0]))
    a.requiresGrad = true
    b.requiresGrad = true
    try Pow()(a, b).backward(from: .ones([2], .f64))
    #expect(try a.grad?.doubles() == [0, 0])
    #expect(try b.grad?.doubles() == [0, 0])
  }

  @Test func largerAndSmallerPassNaNOn() throws {
    let (x, nan) = (try Tensor([1], [Float(1)]), try Tensor([1], [Float.nan]))
    for op in [Maximum(), Minimum()] as [any Op] {
      #expect(try op.apply([x, nan]).item().isNaN)
      #expect(try op.apply([nan, x]).item().isNaN)
    }
  }

  @Test func refusesMixedTypes() {
    let error = #expect(throws: ShapeError.self) { try Mul()(.zeros([1], .f32), .zeros([1], .i64)) }
    #expect(error?.description == "mul: element types f32 and i64 differ; convert one with to(\"f32\")")
  }

  @Test func worksOnNoElements() throws {
    #expect(try Mul()(.zeros([0, 3]), .zeros([3])).shape == [0, 3])
    #expect(try Mul()(.zeros([0, 1]), .zeros([])).count == 0)
  }

  @Test func followsAnyStrides() throws {
    let x = try Tensor([2, 3], [1, 2, 3, 4, 5, 6] as [Double])
    let y = try Sub()(
      Transpose([1, 0])(x), Slice(axis: 1, start: 2, count: 2, step: -1)(x.reshaped([3, 2]).copyingColumns()))
    #expect(try y.doubles() == [0, 2, -1, 1, -2, 0])
  }
}

extension Tensor {
  /// [3, 2] -> [3, 3] with the first column once more at the end.
  fileprivate func copyingColumns() throws -> Tensor {
    try Concat(axis: 1)(self, Slice(axis: 1, start: 0, count: 1)(self))
  }
}
