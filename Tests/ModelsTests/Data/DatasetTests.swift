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

  @Test func joins() throws {
    let both = try examples(2).joined(with: examples(3).skip(1))
    #expect(try both.inputs.array(Float.self) == [0, 0, 1, 10, 1, 10, 2, 20])
    #expect(try both.targets.array(Int64.self) == [0, 1, 1, 2])
    #expect(throws: ShapeError.self) { try examples(2).joined(with: examples(2).normalized(scale: 2)) }
    let others = try Dataset(
      inputs: Tensor([1, 3], [1, 2, 3] as [Float]), targets: Tensor([1], [0] as [Int64]))
    #expect(throws: ShapeError.self) { try examples(2).joined(with: others) }
  }

  @Test func normalizes() throws {
    let data = try examples(2).normalized(scale: 2, mean: [1], deviation: [4])
    #expect(try data.inputs.array(Float.self) == [-0.25, -0.25, -0.125, 1])
  }

  @Test func normalizesChannelsApartWhateverTheirOrderInMemory() throws {
    let bytes = (0..<24).map { UInt8($0) }
    let planar = try Tensor([2, 3, 2, 2], bytes)
    let expected = try planar.converted(to: .f32).array(Float.self).enumerated().map { i, x in
      let channel = i / 4 % 3
      return x * Float(1 / (2 * [1.0, 2, 4][channel])) + Float(-Double(channel) / [1.0, 2, 4][channel])
    }
    for stored in [planar, try planar.copy(format: .channelsLast)] {
      let data = try Dataset(inputs: stored, targets: Tensor([2], [0, 1] as [Int64]))
        .normalized(scale: 2, mean: [0, 1, 2], deviation: [1, 2, 4])
      #expect(try data.inputs.array(Float.self) == expected)
      for format in [MemoryFormat.contiguous, .channelsLast] {
        var options = Batches.Options(size: 2)
        options.format = format
        let batch = try #require(try Batches(data, options).next())
        #expect(batch.inputs.format == format)
        #expect(try batch.inputs.array(Float.self) == expected)
      }
    }
  }

  @Test func refusesNormalizationThatDoesNotFit() throws {
    let error = #expect(throws: ShapeError.self) { try examples(2).normalized(mean: [1, 2, 3]) }
    #expect(
      error?.description
        == "normalized: argument 'mean' must be one number, or one for each of 2 channels (got 3)")
    #expect(throws: ShapeError.self) { try examples(2).normalized(deviation: [0]) }
    #expect(throws: ShapeError.self) { try examples(2).normalized(scale: .nan) }
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
    var result = [[Int]]()
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

  @Test func areTheSameFromAnyThreadAndFromTheMiddle() throws {
    func draw(skip: Int = 0) throws -> [[Int]] {
      var options = Batches.Options(size: 7, shuffle: true)
      (options.skip, options.pass) = (skip, Batches.Pass(seed: 9, epoch: 3))
      return try classes(Batches(examples(50), options))
    }
    let inline = try Engine.withThreads(1) { try draw() }
    #expect(try Engine.withThreads(2) { try draw() } == inline)
    #expect(try draw(skip: 5) == Array(inline[5...]))
    #expect(try draw(skip: 9).isEmpty)
  }

  @Test func mayBeLeftInTheMiddle() throws {
    for _ in 0..<50 {
      let batches = try Batches(examples(1000), size: 100)
      _ = try batches.next()
    }
  }

  @Test func refuseASizeOfZero() {
    let error = #expect(throws: ShapeError.self) { try Batches(examples(1), size: 0) }
    #expect(error?.description == "batches: argument 'size' must be a positive integer (got 0)")
  }
}
