import Tensors
import TestSupport
import Testing

@Suite struct MatMulTests {
  private static let shapes: [(Shape, Shape, Shape)] = [
    ([2, 3], [3, 4], [2, 4]), ([3], [3], []), ([3], [3, 4], [4]), ([2, 3], [3], [2]),
    ([5, 2, 3], [3, 4], [5, 2, 4]), ([5, 2, 3], [5, 3, 4], [5, 2, 4]),
    ([2, 1, 2, 3], [5, 3, 4], [2, 5, 2, 4]),
    ([3], [5, 3, 4], [5, 4]), ([5, 2, 3], [3], [5, 2]), ([1, 2, 3], [4, 3, 2], [4, 2, 2]),
  ]

  @Test(arguments: shapes) func gradient(a: Shape, b: Shape, y: Shape) throws {
    #expect(try MatMul().shape(of: [a, b]) == y)
    try expectGradient(of: MatMul(), a, b)
  }

  @Test func everyTypeGivesTheSameProduct() throws {
    for type in DType.allCases where type != .bool {
      let a = try Tensor.from([1, 2, 3, 4, 5, 6], [2, 3], type)
      #expect(try MatMul()(a, Transpose([1, 0])(a)).doubles() == [14, 32, 32, 77], "\(type)")
    }
  }

  @Test(arguments: [true, false]) func readsAnyView(single: Bool) throws {
    let a = try Tensor.arange(start: 0, count: 24, single ? .f32 : .f64).reshaped([2, 3, 4])
    let every = try Slice(axis: 2, start: 3, count: 2, step: -2)(a)
    let y = try MatMul()(every, Transpose([0, 2, 1])(a).rows(2))
    #expect(
      try y.doubles() == [1, 17, 33, 5, 53, 101, 9, 89, 169, 349, 461, 573, 449, 593, 737, 549, 725, 901])
  }

  /// Heads of attention lie between each other's rows: no batch that oneDNN could read at once.
  @Test(arguments: [DType.f32, .f64]) func readsMatricesThatLieBetweenEachOther(type: DType) throws {
    let x = try Tensor([2, 5, 6], (0..<60).map { Double($0 % 13) - 6 }).converted(to: type)
    let heads = try x.reshaped([2, 5, 3, 2]).permuted([0, 2, 1, 3])
    let dense = try heads.copy(format: .contiguous)
    let expected = try MatMul()(dense, dense.transposed()).doubles()
    #expect(try MatMul()(heads, heads.transposed()).doubles() == expected)
  }

  @Test func noElementsGiveZerosOrNothing() throws {
    #expect(try MatMul()(.ones([2, 0]), .ones([0, 3])).doubles() == [0, 0, 0, 0, 0, 0])
    #expect(try MatMul()(.ones([2, 0], .f64), .ones([0, 3], .f64)).doubles() == [0, 0, 0, 0, 0, 0])
    #expect(try MatMul()(.ones([0, 2]), .ones([2, 3])).shape == [0, 3])
    #expect(try MatMul()(.ones([0, 4, 2]), .ones([2, 3])).shape == [0, 4, 3])
  }

  @Test func explainsWhatDoesNotFit() {
    func message(_ a: Shape, _ b: Shape) -> String? {
      #expect(throws: ShapeError.self) { try MatMul().shape(of: [a, b]) }?.description
    }
    #expect(
      message([2, 3], [4, 5]) == "matmul: [2, 3] has 3 columns, [4, 5] has 4 rows; they must be equal")
    #expect(message([], [4]) == "matmul: needs vectors or matrices, got [] and [4]")
    #expect(
      message([2, 1, 3], [3, 3, 1]) == "matmul: batch dimensions of [2, 1, 3] and [3, 3, 1] do not broadcast")
  }

  @Test func countsMultiplications() throws {
    #expect(MatMul().cost(of: [[5, 2, 3], [3, 4]], output: [5, 2, 4]).macs == 120)
  }
}

extension Tensor {
  /// The first `count` rows of every matrix.
  fileprivate func rows(_ count: Int) throws -> Tensor { try Slice(axis: 1, start: 0, count: count)(self) }
}
