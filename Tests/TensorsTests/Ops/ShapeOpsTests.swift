import Tensors
import TestSupport
import Testing

@Suite struct ShapeOpsTests {
  @Test func gradients() throws {
    try expectGradient(of: Transpose([2, 0, 1]), [2, 3, 4])
    try expectGradient(of: Slice(axis: 1, start: 4, count: 2, step: -3), [2, 5, 2])
    try expectGradient(of: Slice(axis: 0, start: 1, count: 0), [3])
    try expectGradient(of: Concat(axis: 1), [2, 3], [2, 1], [2, 2])
  }

  @Test func transposesAsAView() throws {
    let x = try Tensor.arange(start: 0, count: 24).reshaped([2, 3, 4])
    let y = try Transpose([2, 0, 1])(x)
    #expect(y.shape == [4, 2, 3])
    #expect(y.storage === x.storage)
    #expect(try y.doubles().prefix(6) == [0, 4, 8, 12, 16, 20])
    let error = #expect(throws: ShapeError.self) { try Transpose([0, 0, 1])(x) }
    #expect(
      error?.description == "transpose: [1, 1, 2] does not name each of the 3 dimensions of [2, 3, 4] once")
  }

  @Test func slicesAsAView() throws {
    let x = try Tensor.arange(start: 0, count: 10)
    #expect(try Slice(axis: 0, start: 9, count: 4, step: -3)(x).doubles() == [9, 6, 3, 0])
    #expect(try Slice(axis: 0, start: 1, count: 3, step: 3)(x).doubles() == [1, 4, 7])
    #expect(try Slice(axis: 0, start: 1, count: 3)(x).storage === x.storage)
  }

  @Test(arguments: [
    (8, 3, 1), (0, 6, 2), (-1, 1, 1), (0, 2, -1), (10, 1, 1), (0, 3, Int.max), (0, 1, 0), (0, -1, 1),
  ])
  func refusesWhatLiesOutside(start: Int, count: Int, step: Int) throws {
    let x = try Tensor.zeros([10])
    #expect(throws: ShapeError.self) { try Slice(axis: 0, start: start, count: count, step: step)(x) }
  }

  @Test func namesTheBounds() {
    let error = #expect(throws: ShapeError.self) {
      try Slice(axis: 1, start: 3, count: 3).shape(of: [[2, 5]])
    }
    #expect(
      error?.description
        == "slice: 3 element(s) from 3 by 1 do not lie within dimension 2 of [2, 5] (indices 0 to 4)")
  }

  @Test func concatenatesAnyViews() throws {
    let x = try Tensor.arange(start: 0, count: 6).reshaped([2, 3])
    let y = try Concat(axis: 0)(Transpose([1, 0])(x), .zeros([0, 2]), .ones([1, 2]))
    #expect(try y.doubles() == [0, 3, 1, 4, 2, 5, 1, 1])
    let error = #expect(throws: ShapeError.self) { try Concat(axis: 0)(x, .zeros([2, 2])) }
    #expect(error?.description == "concat: shapes [2, 3] and [2, 2] differ in more than dimension 1")
  }
}
