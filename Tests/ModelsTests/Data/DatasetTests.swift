import Tensors
import Testing

@testable import Models

/// `count` examples [i, 10 i] of class i mod 3.
private func examples(_ count: Int) throws -> Dataset {
  try Dataset(
    inputs: Tensor([count, 2], (0..<count).flatMap { [Float($0), Float(10 * $0)] }),
    targets: Tensor([count], (0..<count).map { Int64($0 % 3) }))
}

@Suite struct DatasetTests {
  @Test func givesParts() throws {
    let data = try examples(5)
    #expect(try data.take(2).inputs.array(Float.self) == [0, 0, 1, 10])
    #expect(try data.skip(3).targets.array(Int64.self) == [0, 1])
    #expect(try data.skip(9).count == 0)
    #expect(try data.subset([4, 0]).inputs.array(Float.self) == [4, 40, 0, 0])
    let (first, rest) = try data.skip(1).split(1)
    #expect(try first.inputs.array(Float.self) == [1, 10])
    #expect(try rest.targets.array(Int64.self) == [2, 0, 1])
    #expect(data.classCount == 3)
  }

  @Test func normalizes() throws {
    let data = try examples(2).normalized(scale: 2, mean: 1, deviation: 4)
    #expect(try data.inputs.array(Float.self) == [-0.25, -0.25, -0.125, 1])
  }

  @Test func refusesWhatDoesNotFit() throws {
    let error = #expect(throws: ShapeError.self) {
      try Dataset(inputs: .ones([3, 2]), targets: .ones([2], .i64))
    }
    #expect(error?.description == "dataset: inputs [3, 2] hold 3 examples, targets are [2]")
    #expect(throws: ShapeError.self) { try examples(3).subset([3]) }
    #expect(throws: ShapeError.self) { try examples(3).take(-1) }
    #expect(throws: ShapeError.self) { try examples(3).split(4) }
  }
}

@Suite struct BatchesTests {
  private func classes(_ batches: Batches) throws -> [[Int]] {
    var (batches, result) = (batches, [[Int]]())
    while let batch = try batches.next() {
      result.append(
        try batch.inputs.array(Float.self).enumerated().filter { $0.offset % 2 == 0 }.map { Int($0.element) })
    }
    return result
  }

  @Test func keepTheOrder() throws {
    #expect(try classes(Batches(examples(5), size: 2)) == [[0, 1], [2, 3], [4]])
    #expect(try classes(Batches(examples(5), size: 2, dropLast: true)) == [[0, 1], [2, 3]])
    #expect(try classes(Batches(examples(5), size: .max)) == [[0, 1, 2, 3, 4]])
    #expect(try Batches(examples(5), size: 2).count == 3)
    #expect(try classes(Batches(examples(0), size: 2)).isEmpty)
  }

  @Test func shuffleByTheSeed() throws {
    func draw() throws -> [[Int]] {
      Random.reseed(2)
      return try classes(Batches(examples(50), size: 7, shuffle: true))
    }
    let order = try draw()
    #expect(try draw() == order)
    #expect(order.joined().sorted() == Array(0..<50))
    #expect(Array(order.joined()) != Array(0..<50))
  }

  @Test func refuseASizeOfZero() {
    let error = #expect(throws: ShapeError.self) { try Batches(examples(1), size: 0) }
    #expect(error?.description == "batches: argument 'size' must be a positive integer (got 0)")
  }
}
