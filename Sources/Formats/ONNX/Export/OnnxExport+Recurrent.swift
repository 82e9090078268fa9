import Compression
import Models
import Tensors

extension OnnxExport {
  /// One direction of one layer; the gates of the weights change places.
  func recurrent(_ op: any Op) throws -> String? {
    switch op {
    case let op as LSTM: return try lstm(op.isReversed)
    case let op as SequenceLSTM:
      let x = add("Transpose", [try exporter.name(of: reads[0])], ["perm": .ints([1, 0, 2])])
      let y = add("LSTM", try recurrentInputs(x, gates: Self.lstmGates, states: 2), lstmForm(op.isReversed))
      return add("Transpose", [add("Squeeze", [y, try integers([1], "axes")])], ["perm": .ints([1, 0, 2])])
    // Update, reset, candidate.
    case let op as GRU:
      let inputs = try recurrentInputs(exporter.name(of: reads[0]), gates: [1, 0, 2], states: 1)
      let hidden = inputShape(2)[1]
      let y = add(
        "GRU", inputs,
        [
          "hidden_size": .int(hidden), "linear_before_reset": .int(1),
          "direction": .string(op.isReversed ? "reverse" : "forward"),
        ])
      return add("Squeeze", [y, try integers([1], "axes")])
    default: return nil
    }
  }

  /// ONNX's gates are input, output, forget, candidate.
  private static let lstmGates = [0, 3, 1, 2]

  private func lstmForm(_ isReversed: Bool) -> [String: OnnxAttribute] {
    ["hidden_size": .int(inputShape(2)[1]), "direction": .string(isReversed ? "reverse" : "forward")]
  }

  private func lstm(_ isReversed: Bool) throws -> String {
    let inputs = try recurrentInputs(exporter.name(of: reads[0]), gates: Self.lstmGates, states: 2)
    let outputs = exporter.add("LSTM", inputs, lstmForm(isReversed), outputs: 3, named: title)
    // Ours gives the hidden states, and behind them the last cell state.
    return add(
      "Concat", [add("Squeeze", [outputs[0], try integers([1], "axes")]), outputs[2]], ["axis": .int(0)])
  }

  /// X, W, R, B, no lengths, then the states to start from.
  private func recurrentInputs(_ x: String, gates: [Int], states: Int) throws -> [String] {
    let hidden = inputShape(2)[1]
    let hasBias = reads.count > 3 && inputShape(3).rank == 1
    func ordered(_ i: Int) throws -> Tensor {
      guard let leaf = exporter.graph.leaf(reads[i]) else {
        throw ShapeError("onnx", "its weights are computed from other values")
      }
      let blocks = try gates.map { try leaf.value.slice(axis: 0, start: $0 * hidden, count: hidden) }
      return try Tensor.concat(blocks, axis: 0)
    }
    func stored(_ i: Int) throws -> String {
      exporter.initializer(exporter.graph[reads[i]].name, try ordered(i).unsqueezed(axis: 0))
    }
    var names = [x, try stored(1), try stored(2)]
    if hasBias {
      let both = try Tensor.concat([ordered(3), ordered(4)], axis: 0)
      names.append(exporter.initializer(exporter.graph[reads[3]].name, try both.unsqueezed(axis: 0)))
    }
    let first = hasBias ? 5 : 3
    if reads.count >= first + states {
      if !hasBias { names.append("") }
      names.append("")
      for i in first..<first + states {
        names.append(add("Unsqueeze", [try exporter.name(of: reads[i]), try integers([0], "axes")]))
      }
    }
    return names
  }
}
