import Compression
import Models
import Tensors

extension Program {
  /// The same for a program that runs on tensors; each instruction set is compared with the graph on that one, as f32
  /// steps need not agree from one to another.
  func assertMixedExact(
    as graph: Graph, _ instructionSets: [String], _ batches: () throws -> [Tensor]?
  ) throws -> Agreement {
    var agreement = Agreement(instructionSets: instructionSets)
    let forms = try instructionSets.map { name in
      (name, try Engine.withInstructionSet(name) { try repacked() })
    }
    while let batch = try batches() {
      for (place, form) in forms.enumerated() {
        let count = try Engine.withThreads(1) {
          try Engine.withInstructionSet(form.0) { try form.1.compare(with: graph, batch, form.0) }
        }
        if place == 0 { agreement.elements += count }
      }
      agreement.samples += batch.first?.shape.first ?? 0
    }
    try require(agreement.samples > 0, "assert_exact", "there is no data; give some samples")
    return agreement
  }

  /// Answers how many numbers were compared.
  private func compare(with graph: Graph, _ batch: [Tensor], _ instructionSet: String) throws -> Int {
    var expected: [String: (tensor: Tensor, params: QuantParams?)] = [:]
    let names = Set(instructions.map(\.name))
    try graph.with(training: false) {
      try Tape.withoutGradients {
        _ = try graph.replay(batch) { id, tensor in
          guard names.contains(graph[id].name) else { return }
          expected[graph[id].name] = (tensor, (graph.operation(id)?.op as? any QuantizedOp)?.result)
        }
      }
    }
    var count = 0
    _ = try runMixed(batch) { step, result in
      guard let (tensor, params) = expected[instructions[step].name] else {
        throw ShapeError(
          "assert_exact",
          "the graph has no node '\(instructions[step].name)'; compile the program from this graph")
      }
      let wanted = result.dtype == .u8 && tensor.dtype == .f32 ? try params?.quantize(tensor) : tensor
      let (a, b) = (try wanted?.doubles() ?? [], try result.doubles())
      // NaN is one as good as another.
      guard
        let place = zip(a, b).enumerated().first(where: { $1.0 != $1.1 && !($1.0.isNaN && $1.1.isNaN) })?
          .offset
      else {
        try require(a.count == b.count, "assert_exact", "step '\(instructions[step].name)' has another size")
        count += b.count
        return
      }
      throw ShapeError(
        "assert_exact",
        "on \(instructionSet), step '\(instructions[step].name)' differs first at element \(place + 1) of "
          + "\(result.shape): the graph has \(a[place]), the program \(b[place])")
    }
    return count
  }
}
