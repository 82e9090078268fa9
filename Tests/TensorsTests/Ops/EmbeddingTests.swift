import TestSupport
import Testing

@testable import Tensors

@Suite struct EmbeddingTests {
  @Test func gradient() throws {
    let indices = try Tensor([2, 3], [Int64(0), 2, 2, 1, 3, 2])
    try expectGradient(of: Embedding(), [4, 3], [2, 3], fixed: [1: indices])
  }

  @Test(arguments: [DType.f32, .f64])
  func looksRowsUp(dtype: DType) throws {
    let table = try Tensor.from([1, 2, 3, 4, 5, 6], [3, 2], dtype)
    let y = try Embedding()(table, Tensor([2], [Int64(2), 0]))
    #expect(try y.doubles() == [5, 6, 1, 2])
  }

  @Test(arguments: [-1, 3, Int64.max])
  func refusesAnIndexOutsideOfTheTable(index: Int64) throws {
    let error = #expect(throws: IndexError.self) { try Embedding()(.ones([3, 2]), Tensor([1], [index])) }
    #expect(error?.description == "embedding: index \(index) is out of range, valid are 0 to 2")
  }
}
