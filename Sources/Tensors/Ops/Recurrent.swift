/// What `lstm` and `gru` share: one layer that walks a sequence in one direction.
///
/// Inputs: x [T, N, I]; weight_ih [G H, I] and weight_hh [G H, H] of G gates; optionally the biases bias_ih and
/// bias_hh [G H], both or neither; then optionally the states to start from, each [N, H] (zeros where left out).
/// Layers and directions are put together from these, as in PyTorch: see `RecurrentLayer`.
protocol RecurrentOp: Op {
  static var gates: Int { get }
  static var states: [String] { get }
  /// Whether the walk goes from the last position to the first.
  var isReversed: Bool { get }

  func run<T: RecurrentScalar>(_ t: RecurrentInputs<Tensor>, _ context: inout Context, _: T.Type) throws
    -> Tensor
  func gradients<T: RecurrentScalar>(_ dy: Tensor, _ record: Record, _: T.Type) throws -> [Tensor?]
}

/// The inputs of a recurrent op by their roles.
struct RecurrentInputs<Value> {
  let x, inputWeight, hiddenWeight: Value
  let inputBias, hiddenBias: Value?
  let states: [Value]

  /// - Parameter hasBias: decides where the number of inputs does not.
  init(_ values: [Value], hasBias: Bool) {
    (x, inputWeight, hiddenWeight) = (values[0], values[1], values[2])
    (inputBias, hiddenBias) = hasBias ? (values[3], values[4]) : (nil, nil)
    states = Array(values[(hasBias ? 5 : 3)...])
  }
}

/// The input's part of the gates' sums, x W_ih^T + bias: made for as many positions at once as stay in the cache until
/// the walk has used them.
struct InputProjection {
  /// [T, N, G H]; undefined where the walk has not been.
  let sums: Tensor
  private let x, weight: Matrices
  private let bias: Tensor?
  private let steps, batch, block: Int

  init(_ t: RecurrentInputs<Tensor>, bias: Tensor?) throws {
    let (x, weight) = (try t.x.contiguous(), try t.inputWeight.contiguous())
    (steps, batch) = (x.shape[0], x.shape[1])
    sums = try Tensor(undefined: [steps, batch, weight.shape[0]], x.dtype)
    (self.x, self.weight, self.bias) = (Matrices(rowsOf: x), Matrices(weight).transposed, bias)
    block = max(1, (512 << 10) / max(1, batch * weight.shape[0] * x.dtype.size))
  }

  /// To be called with every position in the order of the walk, before its sums are read.
  func reach(_ position: Int, reversed: Bool) throws {
    guard (reversed ? steps - 1 - position : position) % block == 0 else { return }
    let first = reversed ? max(0, position - block + 1) : position
    let count = reversed ? position + 1 - first : min(block, steps - first)
    try MatrixProduct.run(
      x.rows(from: first * batch, count: count * batch), weight, bias: bias, into: sums,
      offset: first * batch * weight.columns)
  }
}

extension RecurrentOp {
  public var keepsOutput: Bool { true }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 { return try run(roles(t), &context, Double.self) }
    return try run(roles(t), &context, Float.self)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    if dy.dtype == .f64 { return try gradients(dy, record, Double.self) }
    return try gradients(dy, record, Float.self)
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  func roles(_ shapes: [Shape]) throws -> RecurrentInputs<Shape> {
    let hasBias = shapes.count >= 5 && shapes[3].rank == 1
    let rest = shapes.count - (hasBias ? 5 : 3)
    try require(
      rest == 0 || rest == Self.states.count,
      "needs x, weight_ih, weight_hh, then both biases or none, then \(Self.states.joined(separator: ", ")) "
        + "or nothing; got \(shapes.count) inputs")
    return RecurrentInputs(shapes, hasBias: hasBias)
  }

  func roles(_ tensors: [Tensor]) -> RecurrentInputs<Tensor> {
    RecurrentInputs(tensors, hasBias: tensors.count >= 5 && tensors[3].rank == 1)
  }

  /// [T, N, H] of a result, after every shape was checked.
  func checkedShape(of shapes: [Shape]) throws -> Shape {
    let s = try roles(shapes)
    try require(s.x.rank == 3 && s.x[0] > 0, "input must be [T, N, features] with T above 0, got \(s.x)")
    try require(
      s.hiddenWeight.rank == 2 && s.hiddenWeight[0] == Self.gates * s.hiddenWeight[1]
        && s.hiddenWeight[1] > 0,
      "weight_hh must be [\(Self.gates) hidden, hidden], got \(s.hiddenWeight)")
    let size = s.hiddenWeight[1]
    try require(
      s.inputWeight == [Self.gates * size, s.x[2]],
      "input \(s.x) and weight_hh \(s.hiddenWeight) need weight_ih [\(Self.gates * size), \(s.x[2])], "
        + "got \(s.inputWeight)")
    for (name, bias) in [("bias_ih", s.inputBias), ("bias_hh", s.hiddenBias)] {
      guard let bias else { continue }
      try require(bias == [Self.gates * size], "\(name) must be [\(Self.gates * size)], got \(bias)")
    }
    for (name, state) in zip(Self.states, s.states) {
      try require(
        state == [s.x[1], size], "input \(s.x) needs \(name) [\(s.x[1]), \(size)], got \(state)")
    }
    return [s.x[0], s.x[1], size]
  }

  public func cost(of s: [Shape], output: Shape) -> Cost {
    Cost(macsOf: s[0][0], s[0][1], s[1].elements + s[2].elements)
  }

  /// The given state to start from, or zeros.
  func state(_ index: Int, _ t: RecurrentInputs<Tensor>) throws -> Tensor {
    if t.states.indices.contains(index) { return try t.states[index].contiguous() }
    return try Tensor.zeros([t.x.shape[1], t.hiddenWeight.shape[1]], t.x.dtype)
  }

  /// Calls `body` with every position in the order of the walk, and the position before it; nil at the start.
  func walk(_ steps: Int, _ body: (_ position: Int, _ before: Int?) throws -> Void) rethrows {
    for i in 0..<steps {
      let before = i == 0 ? nil : isReversed ? steps - i : i - 1
      try body(isReversed ? steps - 1 - i : i, before)
    }
  }

  /// The same from the end of the walk to its start.
  func walkBack(_ steps: Int, _ body: (_ position: Int, _ before: Int?) throws -> Void) rethrows {
    for i in (0..<steps).reversed() {
      let before = i == 0 ? nil : isReversed ? steps - i : i - 1
      try body(isReversed ? steps - 1 - i : i, before)
    }
  }

  /// The gradients of x, the weights and the biases, from those of the gates' sums: `inputs` of the input's
  /// part and `recurrent` of the hidden state's, both [T, N, G H]. `hidden` are the states, [T, N, H] from its
  /// first element on.
  func gradients(_ inputs: Tensor, _ recurrent: Tensor, hidden: Tensor, _ record: Record) throws -> [Tensor?]
  {
    let t = roles(record.inputs)
    let rows = Matrices(rowsOf: inputs)
    var result: [Tensor?] = [nil, nil, nil]
    if record.needs[0] {
      let dx = try Tensor(undefined: t.x.shape, inputs.dtype)
      try MatrixProduct.run(rows, Matrices(try t.inputWeight.contiguous()), into: dx)
      result[0] = dx
    }
    if record.needs[1] {
      let dWeight = try Tensor(undefined: t.inputWeight.shape, inputs.dtype)
      try MatrixProduct.run(rows.transposed, Matrices(rowsOf: try t.x.contiguous()), into: dWeight)
      result[1] = dWeight
    }
    if record.needs[2] { result[2] = try hiddenWeightGradient(recurrent, hidden, t) }
    if t.inputBias != nil {
      let first = record.needs[3] || record.needs[4] ? try Sum(axes: [0, 1])(inputs) : nil
      result += [first, recurrent === inputs ? first : try Sum(axes: [0, 1])(recurrent)]
    }
    return result
  }

  /// Every position's gradient meets the state of the position before it: one product over all but the first,
  /// and one for the state that was given.
  private func hiddenWeightGradient(_ recurrent: Tensor, _ hidden: Tensor, _ t: RecurrentInputs<Tensor>)
    throws
    -> Tensor
  {
    let (steps, batch) = (t.x.shape[0], t.x.shape[1])
    let result = try Tensor.zeros(t.hiddenWeight.shape, recurrent.dtype)
    let (sums, states) = (Matrices(rowsOf: recurrent), Matrices(rowsOf: hidden))
    let count = (steps - 1) * batch
    if count > 0 {
      let (later, earlier) = isReversed ? (0, batch) : (batch, 0)
      try MatrixProduct.run(
        sums.rows(from: later, count: count).transposed, states.rows(from: earlier, count: count),
        into: result)
    }
    if let start = t.states.first {
      let first = isReversed ? count : 0
      try MatrixProduct.run(
        sums.rows(from: first, count: batch).transposed, Matrices(try start.contiguous()), accumulate: true,
        into: result)
    }
    return result
  }
}
