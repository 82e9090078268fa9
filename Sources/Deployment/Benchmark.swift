import Tensors

/// How long a program takes for one batch, over many runs.
public struct Benchmark {
  public let batch, threads: Int
  /// Seconds of each run, ascending.
  public let samples: [Double]

  public var median: Double { samples[samples.count / 2] }
  public var least: Double { samples[0] }
  /// Nine runs of ten take no longer.
  public var percentile90: Double { samples[samples.count * 9 / 10] }
  /// Samples of data in a second, at the median.
  public var throughput: Double { Double(batch) / median }
}

extension Program {
  /// Runs a batch of random numbers again and again for about `budget` seconds. The input lies ready in the program's
  /// own memory format, and the result stays there: what is measured is `run`, as in an application that keeps its
  /// buffers.
  public func benchmark(batch: Int, threads: Int, budget: Double = 0.5) throws -> Benchmark {
    let shape = try Shape(checking: [batch] + inputShape, for: "bench")
    let x = try Tensor(undefined: shape, .f32)
    let y = try Tensor(undefined: Shape([batch] + outputShape), .f32)
    var generator = Generator(seed: 1)
    for i in 0..<x.count { x.floats[i] = Float(generator.normal()) }
    try prepare(batch: batch, threads: threads)
    var samples: [Double] = []
    samples.reserveCapacity(1 << 16)
    try withExtendedLifetime((x, y)) {
      for _ in 0..<3 { try run(batch: batch, x.floats, y.floats, threads: threads) }
      try repeated(for: budget) {
        let before = Stopwatch.now
        try run(batch: batch, x.floats, y.floats, threads: threads)
        samples.append(Stopwatch.now - before)
      }
    }
    return Benchmark(batch: batch, threads: threads, samples: samples.sorted())
  }
}
