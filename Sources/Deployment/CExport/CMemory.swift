import Compression
import Tensors

/// Where the values of a program in C lie, as expressions: bytes in one arena, floats between steps in arrays of their
/// own.
struct CMemory {
  /// The program's input first, then every step's result.
  let values: [String]
  /// By step.
  let scratch: [String]
  let scratchFloats: [String]
  /// Of all the memory that is written, the caller's aside.
  let bytes: Int
  /// The memory itself.
  let definitions: String
  /// The step whose result the caller gives.
  let leftOut: IntegerQuantize?

  func isLeftOut(_ index: Int) -> Bool { index == 0 && leftOut != nil }

  init(_ program: Program, prefix: String, input: CExport.Input) throws {
    try require(
      !program.isMixed, "export",
      "a program in C takes one input of f32 and computes in integers throughout, this one has "
        + (program.instructions.first { !($0.step is any IntegerStep) }.map {
          "step '\($0.name)' (\($0.step.label))"
        }
          ?? "\(program.inputs.count) inputs and \(program.outputs.count) results"))
    let (instructions, steps) = (program.instructions, program.integerSteps)
    leftOut = input == .u8 ? try Self.first(of: program) : nil
    let lives = ArenaPlan.lives(instructions.map(\.inputs))
    var planned: [ArenaPlan.Value] = []
    var places: [Int?] = []  // of each step's result in `planned`
    for (i, step) in steps.enumerated() {
      let isOwn = i + 1 < instructions.count && !(i == 0 && leftOut != nil)
      guard isOwn && step.outputType == .u8 else {
        places.append(nil)
        continue
      }
      places.append(planned.count)
      planned.append(.init(bytes: step.outputElements, life: lives[i]))
    }
    let needs = steps.map { ($0 as? any CExportable)?.cScratchBytes ?? 0 }
    let scratchStart = planned.count
    planned += needs.enumerated().map { .init(bytes: $1, life: $0...$0) }
    let plan = ArenaPlan(planned, alignment: 4)
    let arenaBytes = max(plan.peakBytes, 4)

    var (names, arrays, floatBytes) = (["input"], "", 0)
    for (i, step) in steps.enumerated() {
      if i + 1 == instructions.count {
        names.append("output")
      } else if i == 0 && leftOut != nil {
        names.append("input")
      } else if let place = places[i] {
        names.append("\(prefix)_arena + \(plan.offsets[place])")
      } else {
        let count = step.outputElements
        names.append("\(prefix)_\(i + 1)_floats")
        arrays += "static float \(prefix)_\(i + 1)_floats[\(count)];\n"
        floatBytes += 4 * count
      }
    }
    scratchFloats = steps.enumerated().map { i, step in
      let count = (step as? any CExportable)?.cScratchFloats ?? 0
      if count == 0 { return "" }
      arrays += "static float \(prefix)_\(i + 1)_scratch[\(count)];\n"
      floatBytes += 4 * count
      return "\(prefix)_\(i + 1)_scratch"
    }
    values = names
    scratch = instructions.indices.map { "\(prefix)_arena + \(plan.offsets[scratchStart + $0])" }
    bytes = arenaBytes + floatBytes
    definitions = "static uint8_t \(prefix)_arena[\(arenaBytes)];\n" + arrays
    try require(
      bytes <= Int(Int32.max) && program.inputShape.elements <= Int(Int32.max), "export",
      "the program needs \(bytes) bytes for one sample, more than a program in C may")
  }

  /// The quantization that a program starts with.
  private static func first(of program: Program) throws -> IntegerQuantize {
    let readers = program.instructions.filter { $0.inputs.contains(0) }
    guard readers.count == 1, let step = program.instructions[0].step as? IntegerQuantize,
      program.instructions.count > 1
    else {
      throw ShapeError("export", "the program does not start with one quantization; take its input as f32")
    }
    return step
  }
}
