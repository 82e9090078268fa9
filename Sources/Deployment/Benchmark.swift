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
    if isMixed { return try mixedBenchmark(batch, threads, budget) }
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

  /// Inputs of integers are zeros, which stand for something wherever they count.
  private func mixedBenchmark(_ batch: Int, _ threads: Int, _ budget: Double) throws -> Benchmark {
    var generator = Generator(seed: 1)
    let inputs = try inputs.map { port in
      let shape = try Shape(checking: [batch] + port.shape, for: "bench")
      guard port.dtype == .f32 else { return try Tensor.zeros(shape, port.dtype) }
      return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
    }
    var samples: [Double] = []
    try Engine.withThreads(threads) {
      for _ in 0..<3 { _ = try self(inputs) }
      try repeated(for: budget) {
        let before = Stopwatch.now
        _ = try self(inputs)
        samples.append(Stopwatch.now - before)
      }
    }
    return Benchmark(batch: batch, threads: threads, samples: samples.sorted())
  }
}
