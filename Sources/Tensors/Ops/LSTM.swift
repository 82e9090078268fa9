/// A layer of long short-term memory in one direction (Hochreiter and Schmidhuber, "Long short-term memory",
/// 1997, with the forget gates of Gers et al., 2000). PyTorch LSTM, ONNX LSTM without peepholes.
///
/// Inputs as `RecurrentOp` has them, with G = 4 and the states h0, c0. The gates' order is PyTorch's: input,
/// forget, candidate, output; ONNX's is input, output, forget, candidate.
///
///     i, f, o = sigmoid(...); g = tanh(...)     each W_ih x + b_ih + W_hh h + b_hh
///     c = f c + i g;  h = o tanh(c)
///
/// The result is [T + 1, N, H]: h at every position, then the cell state c after the walk.
public struct LSTM: RecurrentOp {
  public static let name = "lstm"
  static let gates = 4
  static let states = ["h0", "c0"]
  public let isReversed: Bool

  public init(reversed: Bool = false) { isReversed = reversed }

  public func shape(of shapes: [Shape]) throws -> Shape {
    let hidden = try checkedShape(of: shapes)
    return [hidden[0] + 1, hidden[1], hidden[2]]
  }

  func run<T: RecurrentScalar>(
    _ t: RecurrentInputs<Tensor>, _ context: inout Context, _: T.Type
  ) throws -> Tensor {
    let (steps, batch, size) = (t.x.shape[0], t.x.shape[1], t.hiddenWeight.shape[1])
    let y = try Tensor(undefined: context.shape, T.dtype)
    if batch == 0 { return y }
    let (h0, c0) = (try state(0, t), try state(1, t))
    let bias = try t.inputBias.flatMap { a in try t.hiddenBias.map { b in try Add().evaluate(a, b) } }
    let input = try InputProjection(t, bias: bias)
    let gates = input.sums
    let cells = try Tensor(undefined: [steps, batch, size], T.dtype)
    let squashed = try Tensor(undefined: [steps, batch, size], T.dtype)
    let weight = try PackedMatrix(
      Matrices(try t.hiddenWeight.contiguous()).transposed, times: Matrices(h0), accumulating: true)
    let (g, c, h) = (gates.pointer(T.self), cells.pointer(T.self), y.pointer(T.self))
    let s = squashed.pointer(T.self)
    let hidden = Matrices(rowsOf: y)
    let row = batch * size
    try walk(steps) { position, before in
      try input.reach(position, reversed: isReversed)
      let state = before.map { hidden.rows(from: $0 * batch, count: batch) } ?? Matrices(h0)
      try MatrixProduct.run(state, weight, into: gates, offset: position * 4 * row)
      T.lstmStep(
        batch, size, g + position * 4 * row, before.map { c + $0 * row } ?? c0.pointer(), c + position * row,
        s + position * row, h + position * row)
    }
    (h + steps * row).update(from: c + (isReversed ? 0 : steps - 1) * row, count: row)
    context.save(gates, cells, squashed)
    return y
  }

  func gradients<T: RecurrentScalar>(_ dy: Tensor, _ record: Record, _: T.Type) throws -> [Tensor?] {
    let t = roles(record.inputs)
    let (steps, batch, size) = (t.x.shape[0], t.x.shape[1], t.hiddenWeight.shape[1])
    if batch == 0 { return try record.inputs.map { try Tensor.zeros($0.shape, T.dtype) } }
    let (dy, c0) = (try dy.contiguous(), try state(1, t))
    let (gates, cells, squashed) = (record.saved[0], record.saved[1], record.saved[2])
    let dGates = try Tensor(undefined: gates.shape, T.dtype)
    let row = batch * size
    let dHidden = try Tensor.zeros([batch, size], T.dtype)
    let dCell = try dy.view([batch, size], strides: [size, 1], offset: dy.offset + steps * row).copy()
    let (g, c, dg, up) = (
      gates.pointer(T.self), cells.pointer(T.self), dGates.pointer(T.self), dy.pointer(T.self)
    )
    let s = squashed.pointer(T.self)
    let rows = Matrices(rowsOf: dGates)
    let weight = try PackedMatrix(
      Matrices(try t.hiddenWeight.contiguous()), times: rows.rows(from: 0, count: batch))
    let needsStart = record.needs.suffix(t.states.count).contains(true)
    try walkBack(steps) { position, before in
      T.lstmStepBackward(
        batch, size, g + position * 4 * row, before.map { c + $0 * row } ?? c0.pointer(), s + position * row,
        up + position * row, dHidden.pointer(), dCell.pointer(), dg + position * 4 * row)
      if before == nil && !needsStart { return }
      try MatrixProduct.run(rows.rows(from: position * batch, count: batch), weight, into: dHidden)
    }
    let result = try gradients(dGates, dGates, hidden: record.output, record)
    return result + [dHidden, dCell].prefix(t.states.count)
  }
}
