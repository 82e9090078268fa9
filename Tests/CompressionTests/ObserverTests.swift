import Tensors
import Testing

@testable import Compression

@Suite struct ObserverTests {
  private func normal(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count], (0..<count).map { _ in Float(generator.normal()) })
  }

  @Test func minMaxSeesTheExtremesOfAllBatches() throws {
    let observer = MinMaxObserver()
    try observer.observe(Tensor([2], [Float(1), 2]))
    try observer.observe(Tensor([2], [Float(-3), 1]))
    #expect(observer.range == (-3, 2))
  }

  /// The quantiles of the standard normal distribution: 0.5 % of it lies below -2.5758.
  @Test func percentileFindsTheQuantilesOfANormalDistribution() throws {
    let observer = PercentileObserver(99)
    for seed in 0..<20 { try observer.observe(normal(20_000, seed: UInt64(seed))) }
    #expect(abs(observer.range.min + 2.5758) < 0.03)
    #expect(abs(observer.range.max - 2.5758) < 0.03)
  }

  @Test func percentileDoesNotDependOnTheOrderOfBatchesByMoreThanABin() throws {
    let (small, large) = (try Tensor([3], [Float(-0.1), 0, 0.1]), try Tensor([3], [Float(-50), 0, 50]))
    let (first, second) = (PercentileObserver(100), PercentileObserver(100))
    for batch in [small, large] { try first.observe(batch) }
    for batch in [large, small] { try second.observe(batch) }
    #expect(first.range == (-50, 50) && second.range == (-50, 50))
  }

  @Test func percentileIgnoresAnOutlier() throws {
    let observer = PercentileObserver(99.9)
    try observer.observe(normal(100_000, seed: 1))
    try observer.observe(Tensor([1], [Float(1000)]))
    #expect(observer.range.max < 5)
  }

  @Test func aConstantIsItsOwnRange() throws {
    let observer = PercentileObserver(99.99)
    try observer.observe(Tensor([2], [Float(0), 0]))
    #expect(observer.range == (0, 0))
  }

  @Test func refusesInfinity() throws {
    let error = #expect(throws: ShapeError.self) {
      try MinMaxObserver().observe(Tensor([2], [Float.infinity, .nan]))
    }
    #expect(
      error?.description.hasPrefix("calibration: an activation [2] holds 1 NaN and 1 infinite values") == true
    )
  }
}
