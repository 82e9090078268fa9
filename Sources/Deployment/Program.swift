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
  private let plan: ArenaPlan
  private let scratch: UnsafeMutableRawPointer
  private var arena: Storage?

  /// Samples run through all steps together: enough to fill the kernels, few enough to stay in cache.
  private static let chunk = 32

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
    let scratchBytes = instructions.map(\.step.scratchBytes).max() ?? 0
    scratch = .allocate(byteCount: max(scratchBytes, 1), alignment: 64)
  }

  deinit { scratch.deallocate() }

  public var macs: Int { instructions.reduce(0) { $0 + $1.macs } }

  /// Bytes of activations alive at once for one sample, as planned.
  public var arenaBytesPerSample: Int { plan.peakBytes }

  /// Runs a batch [N, ...].
  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    try require(
      x.rank == inputShape.rank + 1 && Shape(x.shape.dropFirst()) == inputShape && x.dtype == .f32, "program",
      "takes f32 [N, \(inputShape.map(String.init).joined(separator: ", "))], got \(x.dtype) \(x.shape)")
    let input = x.rank == 4 ? try x.channelsLast() : try x.contiguous()
    let y = try Tensor(undefined: Shape([x.shape[0]] + outputShape), .f32, format: .channelsLast)
    let samples = x.shape[0]
    let arena = try arena(for: min(samples, Self.chunk))
    // The steps see bare pointers: their owners must outlive them.
    try withExtendedLifetime((input, arena, y)) {
      for first in stride(from: 0, to: samples, by: Self.chunk) {
        try run(
          min(Self.chunk, samples - first), input.floats + first * inputShape.elements, arena.pointer,
          y.floats + first * outputShape.elements)
      }
    }
    return y
  }

  /// Runs every step on `batch` samples that fit the arena.
  private func run(
    _ batch: Int, _ input: UnsafeMutablePointer<Float>, _ arena: UnsafeMutableRawPointer,
    _ output: UnsafeMutablePointer<Float>
  ) throws {
    var values = [UnsafeMutableRawPointer(input)] + plan.offsets.map { arena + $0 * batch }
    values[instructions.count] = UnsafeMutableRawPointer(output)
    for (i, instruction) in instructions.enumerated() {
      try instruction.step.run(
        batch: batch, instruction.inputs.map { UnsafeRawPointer(values[$0]) }, values[i + 1], scratch: scratch
      )
    }
  }

  /// A line for each step: name, kind, size of the result for one sample, multiply-accumulates.
  public var listing: String {
    let lines = instructions.map { instruction in
      let step = instruction.step
      return "  \(instruction.name): \(type(of: step).kind) -> \(step.outputType) x \(step.outputElements)"
        + (instruction.macs > 0 ? ", \(instruction.macs) MACs" : "")
    }
    return "program \(inputShape) -> \(outputShape), arena \(arenaBytesPerSample) bytes a sample\n"
      + lines.joined(separator: "\n")
  }

  private func arena(for batch: Int) throws -> Storage {
    let bytes = max(plan.peakBytes * batch, 64)
    if let arena, arena.byteCount >= bytes { return arena }
    let fresh = try Storage(byteCount: bytes)
    arena = fresh
    return fresh
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
