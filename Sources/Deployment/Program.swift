import Compression
import Tensors

/// A quantized graph compiled for the integer kernels: packed weights, one arena, a flat list of steps.
///
/// Where every step is an integer one, it takes f32 in ONNX's shape and gives f32, and all in between is bytes in the
/// arena. Other programs (`isMixed`: steps in f32, low-bit weights, several inputs or results) run on tensors, the whole
/// batch at once. Both give the same bits as the graph they were compiled from, on every instruction set.
public final class Program {
  /// What goes in or comes out.
  public struct Port {
    public let name: String
    /// Of one sample, without the batch; for the example the graph was captured from.
    public let shape: Shape
    /// Dimensions of `shape` that may have any extent.
    public let open: Set<Int>
    public let dtype: DType
    /// Which value it is.
    public let value: Int

    public init(name: String, shape: Shape, open: Set<Int> = [], dtype: DType = .f32, value: Int) {
      (self.name, self.shape, self.open) = (name, shape, open)
      (self.dtype, self.value) = (dtype, value)
    }
  }

  /// One step and where it reads and writes. The program's inputs are the first values; step i writes value
  /// `inputs.count + i`.
  public struct Instruction {
    /// The graph's node.
    public let name: String
    public let step: any ProgramStep
    /// Values read.
    public let inputs: [Int]
    /// Multiply-accumulates per sample.
    public let macs: Int
    /// Of the result of an integer step for one sample, where a mixed program needs it.
    public let shape: Shape?

    public init(name: String, step: any ProgramStep, inputs: [Int], macs: Int, shape: Shape? = nil) {
      (self.name, self.step, self.inputs, self.macs, self.shape) = (name, step, inputs, macs, shape)
    }
  }

  public let instructions: [Instruction]
  public let inputs: [Port]
  public let outputs: [Port]
  /// Whether it runs on tensors.
  public let isMixed: Bool
  /// Trained numbers, and those that are not zero.
  public let parameterCount: Int
  public let nonZeroCount: Int
  let plan: ArenaPlan
  /// The steps of a program that is not mixed.
  let integerSteps: [any IntegerStep]
  /// One for each thread that has run the program.
  private var workspaces: [Workspace] = []

  /// A program of one input and one result, that of the last step.
  public convenience init(
    _ instructions: [Instruction], input: Shape, output: Shape, parameterCount: Int, nonZeroCount: Int
  ) throws {
    try self.init(
      instructions, inputs: [Port(name: "input", shape: input, value: 0)],
      outputs: [Port(name: "output", shape: output, value: instructions.count)],
      parameterCount: parameterCount, nonZeroCount: nonZeroCount)
  }

  public init(
    _ instructions: [Instruction], inputs: [Port], outputs: [Port], parameterCount: Int, nonZeroCount: Int
  ) throws {
    let integerSteps = instructions.compactMap { $0.step as? any IntegerStep }
    isMixed = Self.isMixed(instructions, inputs, outputs) || !inputs[0].open.isEmpty
    try Self.verify(instructions, inputs, outputs, isMixed: isMixed)
    (self.instructions, self.inputs, self.outputs) = (instructions, inputs, outputs)
    self.parameterCount = parameterCount
    self.nonZeroCount = nonZeroCount
    self.integerSteps = isMixed ? [] : integerSteps
    plan = isMixed ? ArenaPlan([], alignment: 64) : ArenaPlan(integerSteps, reads: instructions.map(\.inputs))
  }

  /// Whether there is anything that the arena has no place for.
  static func isMixed(_ instructions: [Instruction], _ inputs: [Port], _ outputs: [Port]) -> Bool {
    inputs.count != 1 || outputs.count != 1 || outputs[0].value != instructions.count
      || inputs[0].dtype != .f32
      || !instructions.allSatisfy { $0.step is any IntegerStep }
  }

  /// Of one sample, without the batch: of the first input and result.
  public var inputShape: Shape { inputs[0].shape }
  public var outputShape: Shape { outputs[0].shape }

  public var macs: Int { instructions.reduce(0) { $0 + $1.macs } }

  /// Bytes of activations alive at once for one sample, as planned; 0 for a mixed program, which plans nothing.
  public var arenaBytesPerSample: Int { plan.peakBytes }

  /// Runs a batch [N, ...]; the first result.
  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    if isMixed { return try self([x])[0] }
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
      let elements = (step as? any IntegerStep).map { " x \($0.outputElements)" } ?? ""
      return "  \(instruction.name): \(step.label) -> \(step.outputType)\(elements)"
        + (instruction.macs > 0 ? ", \(instruction.macs) MACs" : "")
    }
    let memory = isMixed ? "on tensors" : "arena \(arenaBytesPerSample) bytes a sample"
    return "program \(inputShape) -> \(outputShape), \(memory)\n" + lines.joined(separator: "\n")
  }

  /// The steps must fit together: what a file says is not to be trusted. How large the tensors of a mixed program are
  /// is checked when it runs.
  private static func verify(
    _ instructions: [Instruction], _ inputs: [Port], _ outputs: [Port], isMixed: Bool
  ) throws {
    try require(
      !instructions.isEmpty && !inputs.isEmpty && !outputs.isEmpty, "program", "has no steps or no result")
    var elements: [Int?] = inputs.map { isMixed ? nil : $0.shape.elements }
    var types = inputs.map(\.dtype)
    for instruction in instructions {
      let step = instruction.step
      try require(
        instruction.inputs.count == step.inputTypes.count
          && instruction.inputs.allSatisfy(types.indices.contains), "program",
        "step '\(instruction.name)' reads \(instruction.inputs) before they are written")
      for (value, type) in zip(instruction.inputs, step.inputTypes) {
        try require(
          types[value] == type, "program",
          "step '\(instruction.name)' takes \(type), gets \(types[value])")
      }
      let integer = step as? any IntegerStep
      for (value, wanted) in zip(instruction.inputs, integer?.inputElements ?? []) {
        try require(
          elements[value] ?? wanted == wanted, "program",
          "step '\(instruction.name)' takes \(wanted) \(types[value]) a sample, gets \(elements[value] ?? 0)")
      }
      try require(
        !isMixed || integer == nil || instruction.shape?.elements == integer?.outputElements, "program",
        "step '\(instruction.name)' does not tell the shape of its result")
      elements.append(integer?.outputElements)
      types.append(step.outputType)
    }
    for output in outputs {
      try require(
        types.indices.contains(output.value) && types[output.value] == output.dtype
          && (isMixed || output.dtype == .f32 && elements[output.value] == output.shape.elements),
        "program", "does not end in \(output.dtype) \(output.shape)")
    }
  }
}
