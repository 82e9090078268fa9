import Models
import Tensors

/// Recurrent layers, one op of ours for each direction.
extension OnnxOperator {
  static let recurrent: [String: OnnxOperator] = [
    "LSTM": OnnxOperator(several: { c in
      try c.require(!c.has(7), "has peepholes")
      try c.require(!c.flag("input_forget"), "couples its input and forget gates (input_forget)")
      // ONNX's gates are input, output, forget, candidate.
      return try walks(c, gates: [0, 2, 3, 1], states: 2, activations: ["Sigmoid", "Tanh", "Tanh"]) {
        try c.emit(LSTM(reversed: $0), $1)
      }
    }),
    "GRU": OnnxOperator(several: { c in
      // ONNX's gates are update, reset, candidate.
      try walks(c, gates: [1, 0, 2], states: 1, activations: ["Sigmoid", "Tanh"]) {
        try c.flag("linear_before_reset")
          ? c.emit(GRU(reversed: $0), $1) : steps(c, reversed: $0, $1, resetFirst)
      }
    }),
    "RNN": OnnxOperator(several: { c in
      try walks(c, gates: [0], states: 1, activations: ["Tanh"]) { try steps(c, reversed: $0, $1, simple) }
    }),
  ]

  /// - Parameter walk: one direction, from whether it goes backwards and the inputs in the form of `RecurrentOp`.
  private static func walks(
    _ c: OnnxCall, gates: [Int], states: Int, activations: [String],
    _ walk: (Bool, [OnnxValue]) throws -> OnnxValue
  ) throws -> [OnnxValue] {
    try c.require(!c.has(4), "has sequence_lens: sequences of different lengths are not supported")
    if case .strings(let named)? = c.node.attributes["activations"] {
      try c.require(
        named == activations || named == activations + activations,
        "has the activations \(named.joined(separator: ", ")); \(activations.joined(separator: ", ")) are supported"
      )
    }
    try c.require(c.node.attributes["clip"] == nil, "clips its gates")
    let isBatchFirst = try c.flag("layout")
    let x = isBatchFirst ? try c.emit(Transpose([1, 0, 2]), c.input(0)) : try c.input(0)
    let steps = try c.shape(x)[0]
    try fixed(c, [steps])
    let direction = try c.string("direction", "forward")
    let reversals = direction == "bidirectional" ? [false, true] : [direction == "reverse"]
    let hidden = try c.shape(c.input(2))[2]
    var parts = (y: [OnnxValue](), finals: [[OnnxValue]](repeating: [], count: states))
    for (d, reversed) in reversals.enumerated() {
      func of(_ i: Int) throws -> OnnxValue {
        try c.emit(Squeeze(axis: 0), c.emit(Slice(axis: 0, start: d, count: 1), c.input(i)))
      }
      func ordered(_ value: OnnxValue, from first: Int = 0) throws -> OnnxValue {
        let blocks = try gates.map {
          try c.emit(Slice(axis: 0, start: (first + $0) * hidden, count: hidden), value)
        }
        return try c.emit(Concat(axis: 0), blocks)
      }
      var inputs = [x, try ordered(of(1)), try ordered(of(2))]
      if c.has(3) {
        inputs += [try ordered(of(3)), try ordered(of(3), from: gates.count)]
      } else {
        let zero = c.constant(try Tensor.zeros([gates.count * hidden]))
        inputs += [zero, zero]
      }
      if c.has(5) {
        for state in 0..<states {
          try c.require(c.has(5 + state), "has an initial_h without an initial_c")
          let start =
            isBatchFirst ? try c.emit(Transpose([1, 0, 2]), c.input(5 + state)) : try c.input(5 + state)
          inputs.append(try c.emit(Squeeze(axis: 0), c.emit(Slice(axis: 0, start: d, count: 1), start)))
        }
      }
      let result = try walk(reversed, inputs)
      let y = states == 2 ? try c.emit(Slice(axis: 0, start: 0, count: steps), result) : result
      parts.y.append(try c.emit(Unsqueeze(axis: 1), y))
      parts.finals[0].append(try c.emit(Slice(axis: 0, start: reversed ? 0 : steps - 1, count: 1), y))
      if states == 2 { parts.finals[1].append(try c.emit(Slice(axis: 0, start: steps, count: 1), result)) }
    }
    func joined(_ values: [OnnxValue], axis: Int) throws -> OnnxValue {
      values.count == 1 ? values[0] : try c.emit(Concat(axis: axis), values)
    }
    let y = try joined(parts.y, axis: 1)
    let finals = try parts.finals.map { try joined($0, axis: 0) }
    if !isBatchFirst { return [y] + finals }
    return [try c.emit(Transpose([2, 0, 1, 3]), y)]
      + (try finals.map { try c.emit(Transpose([1, 0, 2]), $0) })
  }
}
