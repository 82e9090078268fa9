import Models
import Tensors

/// Recurrent layers that have no op of ours, step by step: a few nodes for each position of the sequence.
extension OnnxOperator {
  /// What every step reads.
  struct Recurrence {
    /// Of the hidden state, [gates H, H] and [gates H].
    let weight, bias: OnnxValue
    let hidden: Int
  }

  typealias Step = (OnnxCall, _ input: OnnxValue, _ state: OnnxValue, Recurrence) throws -> OnnxValue

  /// The states [T, N, H] at all positions of x, from inputs in the form of `RecurrentOp`.
  static func steps(_ c: OnnxCall, reversed: Bool, _ inputs: [OnnxValue], _ step: Step) throws -> OnnxValue {
    let count = try c.shape(inputs[0])[0]
    try c.require(count <= 512, "takes \(count) steps; up to 512 are written out for this form of the layer")
    let recurrence = Recurrence(
      weight: inputs[2], bias: inputs[4], hidden: try c.shape(inputs[2])[1])
    let sums = try c.emit(Linear(), inputs[0], inputs[1], inputs[3])
    var state = try inputs.count > 5 ? inputs[5] : c.constant(Tensor.zeros([1, recurrence.hidden]))
    var states: [OnnxValue] = []
    for i in 0..<count {
      let position = reversed ? count - 1 - i : i
      let input = try c.emit(Squeeze(axis: 0), c.emit(Slice(axis: 0, start: position, count: 1), sums))
      state = try step(c, input, state, recurrence)
      states.append(try c.emit(Unsqueeze(axis: 0), state))
    }
    return try c.emit(Concat(axis: 0), reversed ? states.reversed() : states)
  }

  /// `h = tanh(W x + R h)`.
  static func simple(_ c: OnnxCall, _ input: OnnxValue, _ state: OnnxValue, _ r: Recurrence) throws
    -> OnnxValue
  {
    try c.emit(Tanh(), c.add(input, c.emit(Linear(), state, r.weight, r.bias)))
  }

  /// A gated recurrent unit as Cho et al. (2014) wrote it: the state is reset before its product. Gates: reset,
  /// update, candidate.
  static func resetFirst(_ c: OnnxCall, _ input: OnnxValue, _ state: OnnxValue, _ r: Recurrence) throws
    -> OnnxValue
  {
    let h = r.hidden
    func rows(_ value: OnnxValue, _ first: Int, _ count: Int) throws -> OnnxValue {
      try c.emit(Slice(axis: 0, start: first * h, count: count * h), value)
    }
    func columns(_ value: OnnxValue, _ first: Int, _ count: Int) throws -> OnnxValue {
      try c.emit(Slice(axis: 1, start: first * h, count: count * h), value)
    }
    let products = try c.emit(Linear(), state, rows(r.weight, 0, 2), rows(r.bias, 0, 2))
    let gates = try c.emit(Sigmoid(), c.add(columns(input, 0, 2), products))
    let (reset, update) = (try columns(gates, 0, 1), try columns(gates, 1, 1))
    let product = try c.emit(Linear(), c.mul(reset, state), rows(r.weight, 2, 1), rows(r.bias, 2, 1))
    let candidate = try c.emit(Tanh(), c.add(columns(input, 2, 1), product))
    // (1 - z) n + z h
    return try c.add(candidate, c.mul(update, c.sub(state, candidate)))
  }
}
