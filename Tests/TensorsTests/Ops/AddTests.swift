import Tensors
import TestSupport
import Testing

@Suite struct AddTests {
  @Test(
    arguments: [([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1, 3], [4, 1]), ([], [2, 2])] as [(Shape, Shape)])
  func gradient(a: Shape, b: Shape) throws { try expectGradient(of: Add(), a, b) }

  @Test func wrapsIntegers() throws {
    let y = try Add()(Tensor([1], [Int8.max]), Tensor([1], [Int8(1)]))
    #expect(try y.array(Int8.self) == [Int8.min])
  }

  @Test func namesBothShapes() {
    let error = #expect(throws: ShapeError.self) { try Add().shape(of: [[2, 3], [4]]) }
    #expect(error?.description == "add: shapes [2, 3] and [4] do not broadcast")
  }
}
