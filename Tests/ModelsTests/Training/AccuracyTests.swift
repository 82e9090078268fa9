import Tensors
import Testing

@testable import Models

@Suite struct AccuracyTests {
  @Test func countsTheRowsThatAreRight() throws {
    let logits = try Tensor([3, 2], [Float(1), 2, 5, 4, .nan, .nan])
    #expect(try countCorrect(logits, Tensor([3], [Int64(1), 1, 0])) == 1)
  }

  @Test func ofADataSetIsAShare() throws {
    let data = try Dataset(
      inputs: Tensor([4, 2], [Float(1), 0, 0, 1, 1, 0, 0, 1]), targets: Tensor([4], [Int64(0), 1, 1, 1]))
    #expect(try Sequential([]).accuracy(on: data, batchSize: 3) == 0.75)
  }
}
