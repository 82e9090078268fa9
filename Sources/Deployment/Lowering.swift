import Compression
import Models
import Tensors

extension Program {
  /// Compiles a quantized graph: every node becomes one step.
  public convenience init(compiling graph: Graph) throws {
    let macs = try graph.macs()
    let ids = graph.inputs
    var values = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
    var instructions: [Instruction] = []
    for id in graph.order {
      guard let (op, reads) = graph.operation(id) else { continue }
      if Self.isAbsorbed(op, id, graph) {
        values[id] = reads.first.flatMap { values[$0] }
        continue
      }
      let (step, activations) = try Self.lower(op, reads, graph, id)
      instructions.append(
        Instruction(
          name: graph[id].name, step: step, inputs: activations.compactMap { values[$0] },
          macs: macs[id] ?? 0,
          shape: step is any IntegerStep ? Shape(graph[id].shape.dropFirst()) : nil))
      values[id] = ids.count + instructions.count - 1
    }
    let outputs = try zip(graph.outputs, graph.outputNames).map { id, name in
      guard let value = values[id] else {
        throw ShapeError("compile", "the result '\(name)' is a constant; it needs no program")
      }
      return Port(name: name, shape: Shape(graph[id].shape.dropFirst()), dtype: graph[id].dtype, value: value)
    }
    var inputs = ids.enumerated().map { Self.port($1, value: $0, graph) }
    if !Self.isMixed(instructions, inputs, outputs) {
      // The arena is planned for these shapes, which the steps know.
      inputs = inputs.map { Port(name: $0.name, shape: $0.shape, dtype: $0.dtype, value: $0.value) }
      instructions = instructions.map {
        Instruction(name: $0.name, step: $0.step, inputs: $0.inputs, macs: $0.macs)
      }
    }
    let weights = graph.namedParameters().map(\.parameter).filter { $0.role == .weight }
    try self.init(
      instructions, inputs: inputs, outputs: outputs,
      parameterCount: graph.parameterCount,
      nonZeroCount: try weights.reduce(0) { try $0 + $1.value.doubles().count { $0 != 0 } })
  }

  private static func port(_ id: Graph.ID, value: Int, _ graph: Graph) -> Port {
    let names = graph.dimensionNames[id]?.dropFirst().map { $0 } ?? []
    return Port(
      name: graph[id].name, shape: Shape(graph[id].shape.dropFirst()),
      open: Set(names.indices.filter { names[$0] != nil }), dtype: graph[id].dtype, value: value)
  }

  private static func lower(
    _ op: any Op, _ reads: [Graph.ID], _ graph: Graph, _ id: Graph.ID
  ) throws -> (any ProgramStep, [Graph.ID]) {
    switch op {
    case let quantized as any QuantizedOp:
      let activations = Array(reads.prefix(quantized.inputCount))
      let weights = try parameters(Array(reads.dropFirst(activations.count)), graph, id)
      let step = try quantized.step(reads.map { graph[$0].shape }, weights: weights)
      if let linear = step as? IntegerLinear, let image = flattenedImage(activations[0], graph) {
        return (try linear.readingImages(pixels: image[2] * image[3], channels: image[1]), activations)
      }
      return (step, activations)
    case let lowBit as any LowBitOp:
      var others = reads
      let activation = others.remove(at: type(of: lowBit).activationInput)
      return (try lowBit.step(parameters(others, graph, id)), [activation])
    default: return (try floatStep(op, reads, graph, id), reads.filter { graph.leaf($0) == nil })
    }
  }

  private static func floatStep(
    _ op: any Op, _ reads: [Graph.ID], _ graph: Graph, _ id: Graph.ID
  ) throws -> FloatStep {
    try require(
      graph.order.contains { id in
        graph.operation(id).map { $0.op is any QuantizedOp || $0.op is any LowBitOp } ?? false
      }, "compile",
      "node '\(graph[id].name)' (\(op.name)) runs in f32, and so do all others; quantize the graph first: "
        + "qs.quantize(model, {...})")
    try require(
      FloatOps.form(of: op) != nil, "compile",
      "node '\(graph[id].name)' (\(op.name)) has no form in a program; keep it out of the model and apply it to the "
        + "program's result")
    return try FloatStep(
      op.mode(training: false),
      reads.map { read in try graph.leaf(read).map { .constant(try $0.value.contiguous()) } ?? .value },
      inputTypes: reads.filter { graph.leaf($0) == nil }.map { graph[$0].dtype })
  }

  private static func parameters(_ reads: [Graph.ID], _ graph: Graph, _ id: Graph.ID) throws -> [Tensor] {
    try reads.map { read in
      guard let parameter = graph.leaf(read) else {
        throw ShapeError("compile", "a weight of node '\(graph[id].name)' is computed; fold constants first")
      }
      return parameter.value
    }
  }

  /// A flatten in front of a linear layer needs no step: the layer's weights take the order of the image's bytes.
  private static func isAbsorbed(_ op: any Op, _ id: Graph.ID, _ graph: Graph) -> Bool {
    guard op is QuantizedFlatten, let user = graph.onlyUser(of: id) else { return false }
    return graph.operation(user)?.op is QuantizedLinear
  }

  /// The shape of the image behind an absorbed flatten.
  private static func flattenedImage(_ id: Graph.ID, _ graph: Graph) -> Shape? {
    guard let (op, reads) = graph.operation(id), isAbsorbed(op, id, graph) else { return nil }
    let shape = graph[reads[0]].shape
    return shape.rank == 4 ? shape : nil
  }
}
