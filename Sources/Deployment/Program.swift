import Compression
import Tensors

/// A quantized graph compiled for the integer kernels: packed weights, one arena, a flat list of steps.
///
/// Takes f32 in ONNX's shape and gives f32; everything in between is bytes. Gives the same bits as the graph it
/// was compiled from, on every instruction set.
public final class Program {
  /// One step and where it reads and writes. Value 0 is the program's input; step i writes value i + 1.
  public struct Instruction {
    /// The graph's node.
    public let name: String
    public let step: any IntegerStep
    /// Values read.
    public let inputs: [Int]
    /// Multiply-accumulates per sample.
    public let macs: Int

    public init(name: String, step: any IntegerStep, inputs: [Int], macs: Int) {
      (self.name, self.step, self.inputs, self.macs) = (name, step, inputs, macs)
    }
  }

  public let instructions: [Instruction]
  /// Of one sample, without the batch.
  public let inputShape: Shape
  public let outputShape: Shape
  /// Trained numbers, and those that are not zero.
  public let parameterCount: Int
  public let nonZeroCount: Int
  let plan: ArenaPlan
  /// One for each thread that has run the program.
  private var workspaces: [Workspace] = []

  public init(
    _ instructions: [Instruction], input: Shape, output: Shape, parameterCount: Int, nonZeroCount: Int
  ) throws {
    try Self.verify(instructions, input, output)
    self.instructions = instructions
    inputShape = input
    outputShape = output
    self.parameterCount = parameterCount
    self.nonZeroCount = nonZeroCount
    plan = ArenaPlan(instructions)
  }

  public var macs: Int { instructions.reduce(0) { $0 + $1.macs } }

  /// Bytes of activations alive at once for one sample, as planned.
  public var arenaBytesPerSample: Int { plan.peakBytes }

  /// Runs a batch [N, ...].
  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    let input = try accepted(x)
    let y = try Tensor(undefined: Shape([x.shape[0]] + outputShape), .f32, format: .channelsLast)
    let threads = threadsWorthWhile(for: x.shape[0])
    try prepare(batch: x.shape[0], threads: threads)
    // The steps see bare pointers: their owners must outlive them.
    try withExtendedLifetime((input, y)) {
      try run(batch: x.shape[0], input.floats, y.floats, threads: threads)
    }
    return y
  }

  /// `x` in the program's memory format, or why it cannot be taken.
  func accepted(_ x: Tensor) throws -> Tensor {
    try require(
      x.rank == inputShape.rank + 1 && Shape(x.shape.dropFirst()) == inputShape && x.dtype == .f32, "program",
      "takes f32 [N, \(inputShape.map(String.init).joined(separator: ", "))], got \(x.dtype) \(x.shape)")
    return x.rank == 4 ? try x.channelsLast() : try x.contiguous()
  }

  // MARK: Running

  /// Samples run through all steps together: enough to fill the kernels, few enough for the values to stay in the
  /// second level of cache.
  private var samplesTogether: Int {
    let bytes = plan.peakBytes + inputShape.elements * DType.f32.size
    return min(max((256 << 10) / bytes, 1), 32)
  }

  /// A thread more is worth waking for a few tens of microseconds of work.
  private func threadsWorthWhile(for batch: Int) -> Int {
    let macsPerThread = 2_000_000
    return min(Engine.threads, batch, max(1, batch * macs / macsPerThread))
  }

  /// Makes sure that `run` finds its memory.
  func prepare(batch: Int, threads: Int) throws {
    let capacity = max(1, min((batch + threads - 1) / threads, samplesTogether))
    for i in workspaces.indices.prefix(threads) where workspaces[i].capacity < capacity {
      workspaces[i] = try Workspace(self, capacity: capacity)
    }
    while workspaces.count < threads { workspaces.append(try Workspace(self, capacity: capacity)) }
  }

  /// Runs `batch` samples (NHWC) on up to `threads` threads, for which `prepare` was called. Allocates nothing on one
  /// thread.
  func run(
    batch: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, threads: Int
  ) throws {
    let (width, height) = (inputShape.elements, outputShape.elements)
    // As many parts for each thread, so that none waits for another's last.
    let together = samplesTogether * threads
    let parts = threads == 1 ? 1 : (batch + together - 1) / together * threads
    try ThreadTeam.run(parts: parts, threads: threads) { part, member in
      let workspace = workspaces[member]
      let end = (part + 1) * batch / parts
      var first = part * batch / parts
      while first < end {
        let count = min(workspace.capacity, end - first)
        try workspace.run(batch: count, input + first * width, output + first * height)
        first += count
      }
    }
  }

  /// A line for each step: name, kind, size of the result for one sample, multiply-accumulates.
  public var listing: String {
    let lines = instructions.map { instruction in
      let step = instruction.step
      return "  \(instruction.name): \(step.label) -> \(step.outputType) x \(step.outputElements)"
        + (instruction.macs > 0 ? ", \(instruction.macs) MACs" : "")
    }
    return "program \(inputShape) -> \(outputShape), arena \(arenaBytesPerSample) bytes a sample\n"
      + lines.joined(separator: "\n")
  }

  /// The steps must fit together: what a file says is not to be trusted.
  private static func verify(_ instructions: [Instruction], _ input: Shape, _ output: Shape) throws {
    try require(!instructions.isEmpty, "program", "has no steps")
    var elements = [input.elements]
    var types = [DType.f32]
    for (i, instruction) in instructions.enumerated() {
      let wanted = instruction.step.inputElements
      try require(
        instruction.inputs.count == wanted.count && instruction.inputs.allSatisfy { (0...i).contains($0) },
        "program",
        "step '\(instruction.name)' reads \(instruction.inputs) before they are written")
      for (value, count) in zip(instruction.inputs, wanted) {
        try require(
          elements[value] == count && types[value] == instruction.step.inputType, "program",
          "step '\(instruction.name)' takes \(count) \(instruction.step.inputType) a sample, "
            + "gets \(elements[value]) \(types[value])")
      }
      elements.append(instruction.step.outputElements)
      types.append(instruction.step.outputType)
    }
    try require(
      types.last == .f32 && elements.last == output.elements, "program", "does not end in f32 \(output)")
  }
}
