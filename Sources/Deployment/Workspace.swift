import Compression
import Tensors

/// The memory one thread needs to run a program: an arena for the values between steps, scratch memory for the steps.
/// Running allocates nothing.
final class Workspace {
  /// Samples that fit the arena.
  let capacity: Int
  private let steps: [any IntegerStep]
  private let reads: [[Int]]
  private let offsets: [Int]
  private let arena: Storage
  private let scratch: UnsafeMutableRawPointer
  /// Where each value lies: the program's input first, then every step's result.
  private let values: UnsafeMutablePointer<UnsafeMutableRawPointer>
  /// The inputs of the step that runs.
  private let operands: UnsafeMutablePointer<UnsafeRawPointer>

  init(_ program: Program, capacity: Int) throws {
    (steps, reads) = (program.integerSteps, program.instructions.map(\.inputs))
    offsets = program.plan.offsets
    self.capacity = capacity
    arena = try Storage(byteCount: max(program.arenaBytesPerSample * capacity, 64))
    scratch = .allocate(byteCount: max(steps.map(\.scratchBytes).max() ?? 0, 1), alignment: 64)
    values = .allocate(capacity: steps.count + 1)
    operands = .allocate(capacity: max(reads.map(\.count).max() ?? 0, 1))
  }

  deinit {
    scratch.deallocate()
    values.deallocate()
    operands.deallocate()
  }

  /// Where a step has just written, while `run` shows it.
  func result(of step: Int) -> UnsafeRawPointer { UnsafeRawPointer(values[step + 1]) }

  /// Runs every step on `batch` samples, at most `capacity`, and shows each one's number to `observe` when it is done.
  func run(
    batch: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    observe: (Int) -> Void = { _ in }
  ) throws {
    precondition(batch <= capacity)
    values[0] = UnsafeMutableRawPointer(mutating: input)
    for i in steps.indices { values[i + 1] = arena.pointer + offsets[i] * batch }
    values[steps.count] = UnsafeMutableRawPointer(output)
    for (i, step) in steps.enumerated() {
      for (position, value) in reads[i].enumerated() {
        operands[position] = UnsafeRawPointer(values[value])
      }
      try step.run(batch: batch, operands, values[i + 1], scratch: scratch)
      observe(i)
    }
  }
}
