import Compression
import Models
import Tensors

extension OnnxExport {
  /// A quantized LSTM layer step by step: hidden states go to their grid before the next step reads them, which ONNX's
  /// LSTM has no form for.
  ///
  /// - Throws: `ShapeError` where the length of the sequence is open: the file would be wrong for every other.
  func lstm(_ op: QuantizedLSTM) throws -> String {
    guard !exporter.isOpen(1, of: reads[0]) else {
      throw ShapeError(
        "onnx",
        "is written step by step for sequences of \(inputShape(0)[1]), but their length is open; give it no "
          + "name, as in graph:open({\"batch\", \"\", \"\"})")
    }
    let weights = try reads.dropFirst().map { read in
      guard let leaf = exporter.graph.leaf(read) else {
        throw ShapeError("onnx", "its weights are computed from other values")
      }
      return leaf.value
    }
    let hiddenWeights = dequantized(try stored(reads[2], op.quantizers[1], isTurned: true))
    let sums = try inputSums(op, weights)
    let (steps, hidden) = (inputShape(0)[1], weights[1].shape[1])
    let gates = try integers([Int](repeating: hidden, count: 4))
    var states = [String](repeating: "", count: steps)
    var before: (hidden: String, cell: String)?
    for step in 0..<steps {
      let position = op.lstm.isReversed ? steps - 1 - step : step
      var sum = add("Gather", [sums, try scalar(Double(position), .i64, "position")], ["axis": .int(1)])
      // The first step starts from zeros.
      if let before { sum = add("Add", [sum, add("MatMul", [before.hidden, hiddenWeights])]) }
      let parts = exporter.add("Split", [sum, gates], ["axis": .int(1)], outputs: 4, named: title)
      var cell = add("Mul", [add("Sigmoid", [parts[0]]), add("Tanh", [parts[2]])])
      if let before { cell = add("Add", [add("Mul", [add("Sigmoid", [parts[1]]), before.cell]), cell]) }
      let state = add("Mul", [add("Sigmoid", [parts[3]]), add("Tanh", [cell])])
      let bytes = try bytes(of: state, op.states)
      exporter.note(bytes, is: id, on: op.states, position: position)
      states[position] = add("DequantizeLinear", [bytes] + (try gridParameters(op.states)))
      before = (states[position], cell)
    }
    let joined = add("Concat", states, ["axis": .int(1)])
    return try grid(of: add("Reshape", [joined, integers([0, steps, hidden], "shape")]), op.states, .result)
  }

  /// What the inputs and the bias give to the gates of all steps.
  private func inputSums(_ op: QuantizedLSTM, _ weights: [Tensor]) throws -> String {
    let quantizer = op.quantizers[0]
    let matrix = dequantized(try stored(reads[1], quantizer, isTurned: true))
    let product = add("MatMul", [try exporter.name(of: reads[0]), matrix])
    guard let bias = try op.bias(weights) else { return product }
    let name = exporter.graph[reads[3]].name
    return add("Add", [product, dequantized(try stored(bias, name, quantizer, op.activations[0]))])
  }
}
