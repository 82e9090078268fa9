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
      if Self.isAbsorbed(op, id, graph) {
        values[id] = reads.first.flatMap { values[$0] }
        continue
      }
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
    let step = try quantized.step(reads.map { graph[$0].shape }, weights: weights)
    if let linear = step as? IntegerLinear, let image = flattenedImage(activations[0], graph) {
      return (try linear.readingImages(pixels: image[2] * image[3], channels: image[1]), activations)
    }
    return (step, activations)
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
