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

  @Test func aMovingAverageMovesByItsShare() throws {
    let observer = MovingAverageObserver(momentum: 0.25)
    for (low, high) in [(-4, 8), (0, 4), (-8, 16)] as [(Float, Float)] {
      try observer.observe(Tensor([2], [low, high]))
    }
    // -4, then -3, then -4.25; 8, then 7, then 9.25.
    #expect(observer.range == (-4.25, 9.25))
  }

  @Test func valuesFarFromZeroKeepTheirRange() throws {
    for kind in [ObserverKind.percentile(99.9), .entropy, .mse] {
      let observer = kind.make()
      for _ in 0..<3 { try observer.observe(Tensor([3], [Float(1000), 1000.001, 1000.002])) }
      #expect(observer.range.max >= 999 && observer.range.max <= 1000.002, "\(kind)")
    }
  }

  @Test(arguments: [Float.leastNonzeroMagnitude, 1e-30, 1e-3, 1, 1e30])
  func rangesHaveTheSizeOfTheValues(size: Float) throws {
    for kind in [ObserverKind.percentile(100), .entropy, .mse] {
      let observer = kind.make()
      try observer.observe(Tensor([3], [Float(0), 0, 0]))
      try observer.observe(Tensor([3], [-size, 0, size / 2]))
      #expect(observer.range.min >= -size && observer.range.max <= size, "\(kind)")
    }
  }

  /// Half of the values 0 while nothing else was seen: they count.
  @Test func zerosBeforeTheFirstOtherValueCount() throws {
    let observer = PercentileObserver(60)
    try observer.observe(Tensor([8], [Float](repeating: 0, count: 8)))
    try observer.observe(Tensor([2], [Float(1), 2]))
    #expect(observer.range.max < 0.01)
  }

  /// The bins below 0 end at it, and have no bin that begins there.
  @Test func zerosBeforeNegativeValuesCount() throws {
    let observer = PercentileObserver(50)
    for batch in [[Float](repeating: 0, count: 8), [-1.5], [-1.9995]] {
      try observer.observe(Tensor([batch.count], batch))
    }
    #expect(observer.range.min > -0.01 && observer.range.max <= 0)
    var histogram = StreamingHistogram()
    for value in [Float(0), -1.5, -1.9995] { try histogram.add(Tensor([1], [value])) }
    #expect(histogram.used.reduce(0) { $0 + histogram[$1] } == 3)
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
