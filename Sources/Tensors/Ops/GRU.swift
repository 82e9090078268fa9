/// A layer of gated recurrent units in one direction (Cho et al., "Learning phrase representations using RNN
/// encoder-decoder", 2014, the variant of cuDNN). PyTorch GRU, ONNX GRU with linear_before_reset = 1.
///
/// Inputs as `RecurrentOp` has them, with G = 3 and the state h0. The gates' order is PyTorch's: reset, update,
/// candidate; ONNX's is update, reset, candidate.
///
///     r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)
///     n = tanh(W_in x + b_in + r (W_hn h + b_hn))
///     h = (1 - z) n + z h
///
/// The result is [T, N, H]: h at every position.
public struct GRU: RecurrentOp {
  public static let name = "gru"
  static let gates = 3
  static let states = ["h0"]
  public let isReversed: Bool

  public init(reversed: Bool = false) { isReversed = reversed }

  public func shape(of shapes: [Shape]) throws -> Shape { try checkedShape(of: shapes) }

  func run<T: RecurrentScalar>(
    _ t: RecurrentInputs<Tensor>, _ context: inout Context, _: T.Type
  ) throws -> Tensor {
    let (steps, batch, size) = (t.x.shape[0], t.x.shape[1], t.hiddenWeight.shape[1])
    let y = try Tensor(undefined: context.shape, T.dtype)
    if batch == 0 { return y }
    let h0 = try state(0, t)
    let input = try InputProjection(t, bias: t.inputBias)
    let gates = input.sums
    let candidates = try Tensor(undefined: [steps, batch, size], T.dtype)
    let recurrent = try Tensor(undefined: [batch, 3 * size], T.dtype)
    let bias = try t.hiddenBias?.broadcast(to: recurrent.shape).contiguous()
    let weight = try PackedMatrix(
      Matrices(try t.hiddenWeight.contiguous()).transposed, times: Matrices(h0), accumulating: bias != nil)
    let (g, n, h) = (gates.pointer(T.self), candidates.pointer(T.self), y.pointer(T.self))
    let hidden = Matrices(rowsOf: y)
    let row = batch * size
    try walk(steps) { position, before in
      try input.reach(position, reversed: isReversed)
      let state = before.map { hidden.rows(from: $0 * batch, count: batch) } ?? Matrices(h0)
      if let bias { recurrent.copyElements(from: bias) }
      try MatrixProduct.run(state, weight, into: recurrent)
      T.gruStep(
        batch, size, g + position * 3 * row, recurrent.pointer(), before.map { h + $0 * row } ?? h0.pointer(),
        n + position * row, h + position * row)
    }
    context.save(gates, candidates)
    return y
  }

  func gradients<T: RecurrentScalar>(_ dy: Tensor, _ record: Record, _: T.Type) throws -> [Tensor?] {
    let t = roles(record.inputs)
    let (steps, batch, size) = (t.x.shape[0], t.x.shape[1], t.hiddenWeight.shape[1])
    if batch == 0 { return try record.inputs.map { try Tensor.zeros($0.shape, T.dtype) } }
    let (dy, h0, y) = (try dy.contiguous(), try state(0, t), record.output)
    let (gates, candidates) = (record.saved[0], record.saved[1])
    let dGates = try Tensor(undefined: gates.shape, T.dtype)
    let dRecurrent = try Tensor(undefined: gates.shape, T.dtype)
    let dHidden = try Tensor.zeros([batch, size], T.dtype)
    let row = batch * size
    let (g, n, h, up) = (
      gates.pointer(T.self), candidates.pointer(T.self), y.pointer(T.self), dy.pointer(T.self)
    )
    let (dg, dr) = (dGates.pointer(T.self), dRecurrent.pointer(T.self))
    let rows = Matrices(rowsOf: dRecurrent)
    let weight = try PackedMatrix(
      Matrices(try t.hiddenWeight.contiguous()), times: rows.rows(from: 0, count: batch), accumulating: true)
    try walkBack(steps) { position, before in
      T.gruStepBackward(
        batch, size, g + position * 3 * row, n + position * row, before.map { h + $0 * row } ?? h0.pointer(),
        up + position * row, dHidden.pointer(), dg + position * 3 * row, dr + position * 3 * row)
      if before == nil && t.states.isEmpty { return }
      try MatrixProduct.run(rows.rows(from: position * batch, count: batch), weight, into: dHidden)
    }
    let result = try gradients(dGates, dRecurrent, hidden: y, record)
    return result + [dHidden].prefix(t.states.count)
  }
}
