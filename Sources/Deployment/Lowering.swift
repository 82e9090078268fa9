import Compression
import Models
import Tensors

extension Program {
  /// Compiles a quantized graph: every node becomes one integer step.
  public convenience init(compiling graph: Graph) throws {
    try require(
      graph.inputs.count == 1, "compile", "a program takes one input, the graph has \(graph.inputs.count)")
    let macs = try graph.macs()
    var values: [Graph.ID: Int] = [graph.inputs[0]: 0]
    var instructions: [Instruction] = []
    for id in graph.order {
      guard let (op, reads) = graph.operation(id) else { continue }
      let (step, activations) = try Self.lower(op, reads, graph, id)
      instructions.append(
        Instruction(
          name: graph[id].name, step: step, inputs: activations.compactMap { values[$0] }, macs: macs[id] ?? 0
        ))
      values[id] = instructions.count
    }
    let weights = graph.namedParameters().map(\.parameter).filter { $0.role == .weight }
    try self.init(
      instructions, input: Shape(graph[graph.inputs[0]].shape.dropFirst()),
      output: Shape(graph[graph.output].shape.dropFirst()), parameterCount: graph.parameterCount,
      nonZeroCount: try weights.reduce(0) { try $0 + $1.value.doubles().count { $0 != 0 } })
  }

  private static func lower(
    _ op: any Op, _ reads: [Graph.ID], _ graph: Graph, _ id: Graph.ID
  ) throws -> (any IntegerStep, [Graph.ID]) {
    guard let quantized = op as? any QuantizedOp else {
      throw ShapeError(
        "compile",
        "node '\(graph[id].name)' (\(op.name)) runs in f32; quantize the graph first: qs.quantize(model, {...})"
      )
    }
    let activations = Array(reads.prefix(quantized.inputCount))
    let weights = try reads.dropFirst(activations.count).map { read in
      guard let parameter = graph.leaf(read) else {
        throw ShapeError("compile", "a weight of node '\(graph[id].name)' is computed; fold constants first")
      }
      return parameter.value
    }
    return (try quantized.step(reads.map { graph[$0].shape }, weights: weights), activations)
  }
}
