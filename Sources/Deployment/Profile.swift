import Compression
import Tensors

/// Where a program's time goes: every step measured in its place, in the running program, on one thread.
public struct Profile {
  public struct Layer {
    /// The graph's node, and the kind of step.
    public let name, kind: String
    /// Multiply-accumulates of the whole batch.
    public let macs: Int
    /// Median over the runs.
    public let seconds: Double
    /// Read and written: activations of the batch and weights.
    public let bytes: Int
    /// Median of the same layer computed in fp32; nil for steps without multiplications.
    public let floatSeconds: Double?

    /// Integer operations (two to a multiply-accumulate) in 1e9 a second.
    public var gops: Double { 2e-9 * Double(macs) / seconds }
    /// Whether the layer would be quicker in fp32 on this machine.
    public var isSlowerThanFloat: Bool { floatSeconds.map { $0 < seconds } ?? false }
  }

  public let batch: Int
  public let layers: [Layer]
  /// What one core can do at most, in 1e9 operations a second, measured beside the layers; nil where it is not known.
  public let peakGops: Double?
  public var seconds: Double { layers.reduce(0) { $0 + $1.seconds } }
}

extension Program {
  /// Measures every step on a batch [N, ...], again and again for about `budget` seconds.
  public func profile(_ x: Tensor, budget: Double = 0.5) throws -> Profile {
    if isMixed { return try profile([x], budget: budget) }
    let input = try accepted(x)
    let batch = x.shape[0]
    try require(batch > 0, "profile", "needs at least one sample")
    let workspace = try Workspace(self, capacity: batch)
    let y = try Tensor(undefined: Shape([batch] + outputShape), .f32)
    var samples = [[Double]](repeating: [], count: instructions.count)
    try withExtendedLifetime((input, y)) {
      try repeated(for: budget) {
        var before = Stopwatch.now
        try workspace.run(batch: batch, input.floats, y.floats) { step in
          let now = Stopwatch.now
          samples[step].append(now - before)
          before = Stopwatch.now
        }
      }
    }
    return Profile(
      batch: batch,
      layers: try zip(zip(instructions, integerSteps), samples).map { pair, samples in
        let (instruction, step) = pair
        let activations = step.inputElements.reduce(0) { $0 + $1 * step.inputType.size }
        return Profile.Layer(
          name: instruction.name, kind: step.label, macs: instruction.macs * batch,
          seconds: samples.median,
          bytes: (activations + step.outputElements * step.outputType.size) * batch + step.weightBytes,
          floatSeconds: try floatSeconds(step, batch, budget: budget / 10))
      },
      peakGops: Engine.integerPeak.map { $0 * 1e-9 })
  }

  /// Of a program on tensors; bytes are those of weights alone.
  public func profile(_ inputs: [Tensor], budget: Double = 0.5) throws -> Profile {
    if !isMixed, inputs.count == 1 { return try profile(inputs[0], budget: budget) }
    var samples = [[Double]](repeating: [], count: instructions.count)
    try Engine.withThreads(1) {
      try repeated(for: budget) {
        var before = Stopwatch.now
        _ = try runMixed(inputs) { step, _ in
          let now = Stopwatch.now
          samples[step].append(now - before)
          before = Stopwatch.now
        }
      }
    }
    let batch = inputs.first?.shape.first ?? 0
    return Profile(
      batch: batch,
      layers: zip(instructions, samples).map { instruction, samples in
        Profile.Layer(
          name: instruction.name, kind: instruction.step.label, macs: instruction.macs * batch,
          seconds: samples.median, bytes: instruction.step.weightBytes, floatSeconds: nil)
      }, peakGops: Engine.integerPeak.map { $0 * 1e-9 })
  }

  /// The time of the step's fp32 counterpart on data of the same shapes, on one thread like the step itself.
  private func floatSeconds(_ step: any IntegerStep, _ batch: Int, budget: Double) throws -> Double? {
    guard let (op, shapes) = step.floatCounterpart(batch: batch) else { return nil }
    let inputs = try shapes.map { shape in
      let ones = try Tensor.ones(shape)
      return shape.rank == 4 ? try ones.channelsLast() : ones
    }
    var samples: [Double] = []
    try Engine.withThreads(1) {
      try Tape.withoutGradients {
        _ = try op.apply(inputs)  // oneDNN makes its plan
        try repeated(for: budget) {
          let before = Stopwatch.now
          _ = try op.apply(inputs)
          samples.append(Stopwatch.now - before)
        }
      }
    }
    return samples.median
  }
}

/// Calls `body` until `seconds` have passed, three times at least.
func repeated(for seconds: Double, _ body: () throws -> Void) throws {
  let started = Stopwatch.now
  var count = 0
  repeat {
    try body()
    count += 1
  } while count < 3 || Stopwatch.now - started < seconds
}

extension [Double] {
  var median: Double { sorted()[count / 2] }
}
