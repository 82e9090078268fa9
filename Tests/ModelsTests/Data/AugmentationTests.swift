import Tensors
import Testing

@testable import Models

/// Images [count, channels, side, side] whose pixels are 1, 2, 3, ... within each image.
private func images(_ count: Int, channels: Int = 1, side: Int = 4, _ format: MemoryFormat = .contiguous)
  throws
  -> Dataset
{
  let pixels = (0..<count).flatMap { _ in (1...(channels * side * side)).map { UInt8($0) } }
  return try Dataset(
    inputs: Tensor([count, channels, side, side], pixels).copy(format: format),
    targets: Tensor([count], (0..<count).map { Int64($0 % 2) }))
}

private func batch(
  _ data: Dataset, _ augmentation: Augmentation, seed: UInt64 = 1, epoch: Int = 0,
  format: MemoryFormat = .contiguous
) throws -> Batches.Batch {
  var options = Batches.Options(size: data.count)
  (options.augmentation, options.pass, options.format) = (
    augmentation, .init(seed: seed, epoch: epoch), format
  )
  return try #require(try Batches(data, options).next())
}

private func rows(_ batch: Batches.Batch) throws -> [[UInt8]] {
  let (values, count) = (try batch.inputs.array(UInt8.self), batch.indices.count)
  return (0..<count).map { Array(values[($0 * values.count / count)..<(($0 + 1) * values.count / count)]) }
}

@Suite struct AugmentationTests {
  @Test func mirrorsHalfOfTheImages() throws {
    let data = try images(400)
    var augmentation = Augmentation()
    augmentation.flip = 0.5
    let plain = (1...16).map { UInt8($0) }
    let mirrored: [UInt8] = [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13]
    let rows = try rows(batch(data, augmentation))
    #expect(rows.allSatisfy { $0 == plain || $0 == mirrored })
    #expect((150...250).contains(rows.count { $0 == mirrored }))
    augmentation.flip = 1
    #expect(try AugmentationTests.all(batch(data, augmentation)) { $0 == mirrored })
  }

  @Test func movesImagesEveryWayAndFillsWhatIsNew() throws {
    var augmentation = Augmentation()
    (augmentation.shift, augmentation.fill) = (1, 99)
    var expected: Set<[UInt8]> = []
    for dy in -1...1 {
      for dx in -1...1 {
        expected.insert(
          (0..<16).map { i in
            let (y, x) = (i / 4 + dy, i % 4 + dx)
            return (0..<4).contains(y) && (0..<4).contains(x) ? UInt8(4 * y + x + 1) : 99
          })
      }
    }
    #expect(try Set(rows(batch(images(300), augmentation))) == expected)
  }

  @Test func cropsWithinPaddingAsAShiftWould() throws {
    var (crop, shift) = (Augmentation(), Augmentation())
    (crop.cropPadding, shift.shift) = (2, 2)
    let data = try images(50)
    #expect(try rows(batch(data, crop)) == rows(batch(data, shift)))
  }

  @Test func cutsSquaresOut() throws {
    var augmentation = Augmentation()
    augmentation.cutout = 2
    let holes = try rows(batch(images(500), augmentation)).map { row in row.indices.filter { row[$0] == 0 } }
    for hole in holes {
      let (ys, xs) = (Set(hole.map { $0 / 4 }), Set(hole.map { $0 % 4 }))
      #expect(hole.count == ys.count * xs.count && ys.count <= 2 && xs.count <= 2)
      #expect(ys.sorted() == Array((ys.min() ?? 0)...(ys.max() ?? 0)))
    }
    // A middle in each of 16 places; at the upper and left edge half of the square is outside.
    #expect(Set(holes).count == 16)
  }

  @Test func doesTheSameToAnImageInAnyLayout() throws {
    var augmentation = Augmentation()
    (augmentation.shift, augmentation.flip, augmentation.cutout) = (2, 0.5, 3)
    let reference = try batch(images(20, channels: 3), augmentation).inputs.array(UInt8.self)
    for stored in [MemoryFormat.contiguous, .channelsLast] {
      for wanted in [MemoryFormat.contiguous, .channelsLast] {
        let result = try batch(images(20, channels: 3, stored), augmentation, format: wanted).inputs
        #expect(result.format == wanted)
        #expect(try result.array(UInt8.self) == reference)
      }
    }
  }

  @Test func dependsOnSeedEpochAndExampleAlone() throws {
    var augmentation = Augmentation()
    (augmentation.shift, augmentation.flip) = (2, 0.5)
    let data = try images(64)
    let first = try rows(batch(data, augmentation))
    #expect(try rows(batch(data, augmentation)) == first)
    #expect(try rows(batch(data, augmentation, epoch: 1)) != first)
    #expect(try rows(batch(data, augmentation, seed: 2)) != first)
    var options = Batches.Options(size: 5, shuffle: true)
    (options.augmentation, options.pass) = (augmentation, .init(seed: 1, epoch: 0))
    let batches = try Batches(data, options)
    while let batch = try batches.next() {
      for (row, index) in zip(try rows(batch), batch.indices) { #expect(row == first[index]) }
    }
  }

  @Test func mixesABatchWithItself() throws {
    let pixels = (0..<8).flatMap { [Float](repeating: Float($0), count: 4) }
    let data = try Dataset(
      inputs: Tensor([8, 1, 2, 2], pixels), targets: Tensor([8], (0..<8).map { Int64($0) }))
    var augmentation = Augmentation()
    augmentation.mixup = 0.4
    var weights: [Float] = []
    for seed in 0..<200 {
      let batch = try batch(data, augmentation, seed: UInt64(seed))
      let mixed = try #require(batch.mixed)
      let others = try mixed.targets.array(Int64.self)
      for i in 0..<8 {
        let expected = mixed.weight * Float(i) + (1 - mixed.weight) * Float(others[i])
        #expect(abs(try batch.inputs.array(Float.self)[4 * i] - expected) < 1e-5)
        #expect(others[i] != Int64(i))
      }
      weights.append(mixed.weight)
    }
    // Beta(0.4, 0.4): mean 1/2, variance 1 / (4 (2 a + 1)) = 0.139.
    let mean = weights.reduce(0, +) / 200
    let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 200
    #expect(abs(mean - 0.5) < 0.08 && abs(variance - 0.139) < 0.03)
  }

  /// With a = 0.001 a weight lies between 0.01 and 0.99 in about 1 of 100 draws.
  @Test func hardlyMixesWhereMixupIsSmall() throws {
    let data = try Dataset(
      inputs: .ones([2, 1, 2, 2]), targets: Tensor([2], [Int64(0), 1]))
    var augmentation = Augmentation()
    augmentation.mixup = 0.001
    let weights = try (0..<400).map { try #require(batch(data, augmentation, seed: $0).mixed).weight }
    #expect(weights.count { (0.01...0.99).contains($0) } < 20)
    #expect((120...280).contains(weights.count { $0 > 0.5 }))
  }

  @Test func refusesInputsThatChangeDuringAPass() throws {
    let data = try images(4)
    let pass = try Batches(data, size: 1)
    _ = try pass.next()
    data.stored.fill(7)
    let error = #expect(throws: ShapeError.self) { try pass.next() }
    #expect(error?.description.contains("changed in place during a pass") == true)
    let again = try #require(try Batches(data, size: 1).next())
    #expect(try again.inputs.array(UInt8.self) == [UInt8](repeating: 7, count: 16))
  }

  @Test func refusesWhatDoesNotFit() throws {
    var augmentation = Augmentation()
    augmentation.mixup = 0.2
    let error = #expect(throws: ShapeError.self) { try batch(images(2), augmentation) }
    #expect(
      error?.description
        == "augment: mixup needs f32 inputs, these are u8; use data:normalized{scale = 255} or the like")
    augmentation = Augmentation()
    augmentation.flip = 0.5
    #expect(throws: ShapeError.self) {
      try augmentation.check(Dataset(inputs: .ones([3, 2]), targets: .ones([3]).converted(to: .i64)))
    }
    augmentation.flip = 2
    #expect(throws: ShapeError.self) { try augmentation.check(images(1)) }
  }

  private static func all(_ batch: Batches.Batch, _ holds: ([UInt8]) -> Bool) throws -> Bool {
    try rows(batch).allSatisfy(holds)
  }
}
