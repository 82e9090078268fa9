import TestSupport
import Testing

@testable import Tensors

/// Expected values from PyTorch 2.
@Suite struct IntegerDivisionTests {
  private let a = [7, -7, 7, -7, 9_007_199_254_740_993, .min] as [Int64]
  private let b = [3, 3, -3, -3, 2, 10] as [Int64]

  @Test func quotientsAreRoundedTowardsZero() throws {
    let y = try TruncatedDiv()(Tensor([6], a), Tensor([6], b))
    #expect(try y.array(Int64.self) == [2, -2, -2, 2, 4_503_599_627_370_496, -922_337_203_685_477_580])
  }

  @Test func remaindersHaveTheSignOfTheDivisorOrTheDividend() throws {
    let (x, y) = (try Tensor([6], a), try Tensor([6], b))
    #expect(try Mod()(x, y).array(Int64.self) == [1, 2, -2, -1, 1, 2])
    #expect(try Mod(truncated: true)(x, y).array(Int64.self) == [1, -1, 1, -1, 1, -8])
    for dtype in [DType.f32, .f64] {
      let p = try Tensor.from([5.5, -5.5, 5.5, -5.5], [4], dtype)
      let q = try Tensor.from([2, 2, -2, -2], [4], dtype)
      #expect(try Mod()(p, q).doubles() == [1.5, 0.5, -0.5, -1.5])
      #expect(try Mod(truncated: true)(p, q).doubles() == [1.5, -1.5, 1.5, -1.5])
    }
  }

  @Test func nothingTrapsAtTheEdges() throws {
    let lowest = try Tensor([2], [.min, 5] as [Int32])
    let divisors = try Tensor([2], [-1, 0] as [Int32])
    #expect(try TruncatedDiv()(lowest, divisors).array(Int32.self) == [.min, 0])
    #expect(try Mod()(lowest, divisors).array(Int32.self) == [0, 0])
    #expect(throws: ShapeError.self) { try TruncatedDiv()(.ones([2]), .ones([2])) }
  }

  @Test(arguments: [true, false]) func gradientsOfRemainders(truncated: Bool) throws {
    try expectGradient(of: Mod(truncated: truncated), [3, 4], [4], in: 0.55...0.95)
  }
}
