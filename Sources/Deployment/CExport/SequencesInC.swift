import CKernels
import Compression
import Tensors

extension IntegerLSTM: CExportable {
  /// The hidden state that the first step reads.
  var cScratchBytes: Int { hidden }
  /// Both sums of a step, cell and hidden state.
  var cScratchFloats: Int { 10 * hidden }

  func write(to c: inout CStep) throws {
    func layer(_ weights: IntegerWeights, _ depth: Int, _ part: String, _ what: String) throws -> String {
      let order = "[4 gates of \(hidden), \(depth) \(what)]"
      return try weights.write(to: &c, weights.weights, row: depth, order, part: part)
    }
    let input = try layer(inputWeights, inputs, "input_", "inputs")
    let recurrent = try layer(hiddenWeights, hidden, "recurrent_", "hidden states")
    let states =
      "{\(try c.scale(result.scale)), \(result.zeroPoint), \(result.lowest), \(result.highest)}"
    let lstm = c.structure(
      "lstm", "lstm",
      [
        ("input", input), ("recurrent", recurrent), ("steps", "\(steps)"), ("inputs", "\(inputs)"),
        ("hidden", "\(hidden)"), ("is_reversed", isReversed ? "1" : "0"), ("states", states),
      ])
    c.call("lstm_walk", of: "lstm.h", [lstm, c.inputs[0], c.output, c.scratchFloats, c.scratch])
  }
}

extension IntegerSelect: CExportable {
  func write(to c: inout CStep) throws {
    let row = c.rows(count: 1, width: width, "\(c.inputs[0]) + \(index * width)", c.output, width)
    c.call("concat_rows", of: "concat.h", [row, "NULL"])
  }
}
