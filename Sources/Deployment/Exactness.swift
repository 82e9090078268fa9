import Compression
import Models
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Program {
  /// What `assertExact` compared.
  public struct Agreement: Sendable {
    public let instructionSets: [String]
    public internal(set) var samples = 0
    /// Numbers of the graph that the program had to give again, on each instruction set.
    public internal(set) var elements = 0
  }

  /// Makes sure that this program and the quantized graph give the same bits: every element of every step's result,
  /// on every instruction set. Throws where they do not, naming the first step and element.
  ///
  /// - Parameters:
  ///   - batches: answers batches, each one tensor for every input, then nil.
  ///   - instructionSets: all that this processor can run, if left out.
  public func assertExact(
    as graph: Graph, instructionSets: [String] = Engine.runnableInstructionSets,
    _ batches: () throws -> [Tensor]?
  ) throws -> Agreement {
    let nodes = Dictionary(
      uniqueKeysWithValues: graph.order.filter { graph.operation($0) != nil }.map { (graph[$0].name, $0) })
    try require(
      nodes.values.contains {
        graph.operation($0).map { $0.op is any QuantizedOp || $0.op is any LowBitOp } ?? false
      },
      "assert_exact",
      "the graph runs in f32; give the graph that qs.quantize answered, and the program compiled from it")
    if isMixed { return try assertMixedExact(as: graph, instructionSets, batches) }
    var agreement = Agreement(instructionSets: instructionSets)
    let forms = try instructionSets.map { name in
      (name, try Engine.withInstructionSet(name) { try repacked() })
    }
    while let inputs = try batches() {
      try require(inputs.count == 1, "assert_exact", "the program takes 1 input, got \(inputs.count)")
      let batch = inputs[0]
      var first: Expectation?
      for (name, program) in forms {
        let expected = try Engine.withThreads(1) {
          try Engine.withInstructionSet(name) {
            let expected = try Expectation(graph, nodes, program, batch)
            try expected.check(program, batch, name)
            return expected
          }
        }
        if let first { try first.check(expected, instructionSets[0], name) } else { first = expected }
      }
      agreement.samples += batch.shape[0]
      agreement.elements += first?.elements ?? 0
    }
    try require(agreement.samples > 0, "assert_exact", "there is no data; give some samples")
    return agreement
  }

  /// The same steps, packed anew.
  func repacked() throws -> Program {
    try Program(
      instructions.map { instruction in
        var record = StepRecord()
        instruction.step.encode(to: &record)
        return Instruction(
          name: instruction.name, step: try type(of: instruction.step).init(from: record),
          inputs: instruction.inputs, macs: instruction.macs, shape: instruction.shape)
      }, inputs: inputs, outputs: outputs, parameterCount: parameterCount, nonZeroCount: nonZeroCount)
  }
}

/// What the graph gives for a batch, as the bytes that steps write.
private struct Expectation {
  /// Of one step, by its number.
  fileprivate struct Value {
    let name: String
    let tensor: Tensor
    let params: QuantParams?
    /// Whether every instruction set must give the same: integers do, f32 libraries need not.
    let isInteger: Bool
  }

  fileprivate var values: [Int: Value] = [:]
  var elements: Int { values.values.reduce(0) { $0 + $1.tensor.count } }

  init(_ graph: Graph, _ nodes: [String: Graph.ID], _ program: Program, _ batch: Tensor) throws {
    var steps: [Graph.ID: Int] = [:]
    for (i, instruction) in program.instructions.enumerated() {
      if let id = nodes[instruction.name] { steps[id] = i }
    }
    let last = program.instructions.count - 1
    let integerSteps = program.integerSteps
    try require(
      steps[graph.output] == last, "assert_exact",
      "the program ends in step '\(program.instructions[last].name)', the graph in '\(graph[graph.output].name)'; "
        + "compile the program from this graph")
    var values: [Int: Value] = [:]
    let isInteger = steps.keys.allSatisfy { graph.operation($0)?.op is any QuantizedOp }
    try graph.with(training: false) {
      try Tape.withoutGradients {
        _ = try graph.replay([batch]) { id, tensor in
          guard let i = steps[id] else { return }
          let step = integerSteps[i]
          let params = (graph.operation(id)?.op as? any QuantizedOp)?.result
          let bytes: Tensor
          if step.outputType == .u8, let params {
            bytes = try params.quantize(tensor)
          } else {
            bytes = tensor.rank == 4 ? try tensor.channelsLast() : try tensor.contiguous()
          }
          try require(
            bytes.dtype == step.outputType && bytes.count == batch.shape[0] * step.outputElements,
            "assert_exact",
            "step '\(program.instructions[i].name)' gives \(step.outputElements) \(step.outputType) a sample, the "
              + "graph's node \(bytes.dtype) \(tensor.shape); compile the program from this graph")
          values[i] = Value(
            name: graph[id].name, tensor: bytes, params: step.outputType == .u8 ? params : nil,
            isInteger: isInteger)
        }
      }
    }
    self.values = values
  }

  func check(_ program: Program, _ batch: Tensor, _ instructionSet: String) throws {
    let input = try program.accepted(batch)
    let workspace = try Workspace(program, capacity: min(batch.shape[0], 16))
    let width = program.inputShape.elements
    let output = try Tensor(
      undefined: Shape([workspace.capacity] + program.outputShape), .f32, format: .channelsLast)
    for first in stride(from: 0, to: batch.shape[0], by: workspace.capacity) {
      let count = min(workspace.capacity, batch.shape[0] - first)
      var mistake: ShapeError?
      try withExtendedLifetime((input, output)) {
        try workspace.run(batch: count, input.floats + first * width, output.floats) { i in
          guard mistake == nil, let value = values[i] else { return }
          mistake = value.difference(
            from: workspace.result(of: i), first: first, count: count, "the program", on: instructionSet)
        }
      }
      if let mistake { throw mistake }
    }
  }

  /// The graph itself on another instruction set.
  func check(_ other: Expectation, _ set: String, _ otherSet: String) throws {
    for i in values.keys.sorted() {
      guard let value = values[i], value.isInteger, let another = other.values[i] else { continue }
      let count = value.tensor.shape[0]
      let mistake = withExtendedLifetime(another.tensor) {
        value.difference(
          from: UnsafeRawPointer(another.tensor.bytes), first: 0, count: count, "the graph on \(otherSet)",
          on: set)
      }
      if let mistake { throw mistake }
    }
  }
}

extension Expectation.Value {
  /// The first element in which samples `first ..< first + count` and the bytes found differ.
  fileprivate func difference(
    from found: UnsafeRawPointer, first: Int, count: Int, _ what: String, on instructionSet: String
  ) -> ShapeError? {
    let width = tensor.count / tensor.shape[0]
    let size = tensor.dtype.size
    let mine = UnsafeRawPointer(tensor.bytes) + first * width * size
    return withExtendedLifetime(tensor) {
      guard memcmp(mine, found, count * width * size) != 0 else { return nil }
      var i = 0
      while memcmp(mine + i * size, found + i * size, size) == 0 { i += 1 }
      return ShapeError(
        "assert_exact",
        "on \(instructionSet), step '\(name)' differs first at sample \(first + i / width + 1), "
          + "\(place(i % width)): the graph has \(number(mine + i * size)), \(what) \(number(found + i * size))"
      )
    }
  }

  /// Of an element that lies channels innermost, counted from 1.
  private func place(_ element: Int) -> String {
    let sizes = Array(tensor.shape.dropFirst())
    guard sizes.count == 3 else {
      var (rest, position): (Int, [Int]) = (element, [])
      for size in sizes.reversed() {
        position.insert(rest % size + 1, at: 0)
        rest /= size
      }
      return "element [\(position.map(String.init).joined(separator: ", "))]"
    }
    let (pixel, channel) = element.quotientAndRemainder(dividingBy: sizes[0])
    return "channel \(channel + 1), row \(pixel / sizes[2] + 1), column \(pixel % sizes[2] + 1)"
  }

  private func number(_ address: UnsafeRawPointer) -> String {
    if tensor.dtype == .f32 { return "\(address.loadUnaligned(as: Float.self))" }
    let byte = address.load(as: UInt8.self)
    return params.map { "\(byte) (\($0.dequantize(byte)))" } ?? "\(byte)"
  }
}
