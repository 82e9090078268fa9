import Compression
import Models
import Tensors

/// A value of a written model whose bytes are known: those of a node's value.
struct OnnxGridValue {
  /// Of the bytes.
  let name: String
  let id: Graph.ID
  let params: QuantParams
  /// Where they are one position of a sequence [N, T, C].
  let position: Int?
}

extension OnnxExporter {
  /// What the graph makes of inputs, by the names of the written model: the inputs themselves, the outputs, and the
  /// bytes of everything on a grid.
  func values(for inputs: [Tensor]) throws -> [String: Tensor] {
    var wanted: [Graph.ID: [OnnxGridValue]] = [:]
    for value in gridValues { wanted[value.id, default: []].append(value) }
    var values: [String: Tensor] = [:]
    let results = try graph.with(training: false) {
      try Tape.withoutGradients {
        try graph.replay(inputs) { id, tensor in
          for value in wanted[id] ?? [] {
            let part = try value.position.map { try tensor.select(axis: 1, index: $0) } ?? tensor
            values[value.name] = try value.params.quantize(part.contiguous())
          }
        }
      }
    }
    for (id, x) in zip(graph.inputs, inputs) { values[inputName(id)] = x }
    for (name, y) in zip(outputNames, results) { values[name] = y }
    return values
  }
}
