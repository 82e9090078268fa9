import Tensors

/// Layers of `lstm` or `gru`, one on top of the other, in one direction or both: x [T, N, inputs], or
/// [N, T, inputs] where `batchFirst`, to [.., .., hidden], twice as wide for two directions. PyTorch's LSTM and GRU
/// in shapes, parameters, order of gates and start.
///
/// Parameters for layer n: `weight_ih_ln` [G hidden, inputs], `weight_hh_ln` [G hidden, hidden], `bias_ih_ln` and
/// `bias_hh_ln` [G hidden]; for the walk from the end the same with `_reverse`. G is 4 gates (input, forget,
/// candidate, output) for an lstm, 3 (reset, update, candidate) for a gru.
///
/// Further inputs are the states to start from, h0 and for an lstm c0, [layers * directions, N, hidden], zeros where
/// left out. `callWithStates` returns the final ones likewise.
public final class RecurrentLayer: Module {
  /// The raw values are the layers' names.
  public enum Cell: String, CaseIterable, Sendable {
    case lstm, gru

    var gates: Int { self == .lstm ? 4 : 3 }
    var states: Int { self == .lstm ? 2 : 1 }
    func op(reversed: Bool) -> any Op { self == .lstm ? LSTM(reversed: reversed) : GRU(reversed: reversed) }
  }

  private let cell: Cell
  private let inputs, hidden, layers: Int
  private let bias, batchFirst, bidirectional: Bool
  private let dropout: Double
  /// One list of parameters for each direction of each layer: the op's inputs after x.
  private var walks: [[Parameter]] = []
  private var collected: [[Tensor]]?

  /// - Parameter dropout: the share of elements set to 0 between layers in training.
  public init(
    _ cell: Cell, _ inputs: Int, _ hidden: Int, layers: Int = 1, bias: Bool = true, batchFirst: Bool = false,
    dropout: Double = 0, bidirectional: Bool = false
  ) throws {
    let kind = cell.rawValue
    for (name, size) in [("inputs", inputs), ("hidden", hidden), ("layers", layers)] {
      try Self.requireSize(size, name, of: kind)
    }
    try require(
      dropout >= 0 && dropout <= 1, kind, "argument 'dropout' must be from 0 to 1 (got \(dropout))")
    (self.cell, self.inputs, self.hidden, self.layers) = (cell, inputs, hidden, layers)
    (self.bias, self.batchFirst, self.bidirectional, self.dropout) = (
      bias, batchFirst, bidirectional, dropout
    )
    super.init(kind: kind)
    for layer in 0..<layers {
      let width = layer == 0 ? inputs : hidden * directions
      for suffix in bidirectional ? ["", "_reverse"] : [""] {
        try addWalk(width, "l\(layer)\(suffix)")
      }
    }
  }

  private func addWalk(_ width: Int, _ suffix: String) throws {
    let rows = cell.gates * hidden
    let shapes: [(String, [Int])] =
      [("weight_ih", [rows, width]), ("weight_hh", [rows, hidden])]
      + (bias ? [("bias_ih", [rows]), ("bias_hh", [rows])] : [])
    walks.append(
      try shapes.map { name, shape in
        let start = try Initializer.uniform(
          Shape(checking: shape, for: kind), bound: 1 / Double(hidden).squareRoot())
        return register("\(name)_\(suffix)", Parameter(start))
      })
  }

  private var directions: Int { bidirectional ? 2 : 1 }

  public override func forward(_ t: [Tensor]) throws -> Tensor {
    try require(
      t.count == 1 || t.count == 1 + cell.states, kind,
      "takes the input and \(cell == .lstm ? "both states h0 and c0, or neither" : "the state h0, or not")")
    try require(
      t[0].rank == 3 && t[0].shape[2] == inputs, kind,
      "input must be \(batchFirst ? "[N, T, \(inputs)]" : "[T, N, \(inputs)]"), got \(t[0].shape)")
    var x = batchFirst ? try t[0].transposed(0, 1) : t[0]
    let starts = Array(t.dropFirst())
    let wanted: Shape = [walks.count, x.shape[1], hidden]
    for start in starts {
      try require(start.shape == wanted, kind, "a state must be \(wanted), got \(start.shape)")
    }
    for layer in 0..<layers {
      if layer > 0 && dropout > 0 { x = try Dropout(dropout).mode(training: isTraining).apply([x]) }
      let results = try (0..<directions).map { try walk(layer * directions + $0, x, starts) }
      x = results.count == 1 ? results[0] : try Tensor.concat(results, axis: 2)
    }
    return batchFirst ? try x.transposed(0, 1) : x
  }

  /// The hidden states of one direction of one layer.
  private func walk(_ index: Int, _ x: Tensor, _ starts: [Tensor]) throws -> Tensor {
    let reversed = bidirectional && index % 2 == 1
    let states = try starts.map { try $0.select(axis: 0, index: index) }
    let result = try cell.op(reversed: reversed).apply([x] + walks[index].map(\.value) + states)
    let steps = x.shape[0]
    let y = cell == .lstm ? try result.narrow(axis: 0, start: 0, count: steps) : result
    if collected != nil {
      let last = try y.narrow(axis: 0, start: reversed ? 0 : steps - 1, count: 1)
      let cells = cell == .lstm ? [try result.narrow(axis: 0, start: steps, count: 1)] : []
      collected?.append([last] + cells)
    }
    return y
  }

  /// The result of a call with the final states: h, and for an lstm c, each [layers * directions, N, hidden].
  public func callWithStates(_ inputs: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
    collected = []
    defer { collected = nil }
    let output = try call(inputs)
    let finals = collected ?? []
    let states = try (0..<cell.states).map { state in try Tensor.concat(finals.map { $0[state] }, axis: 0) }
    return (output, states)
  }

  public override var arguments: String {
    Self.arguments(
      ["\(inputs)", "\(hidden)"],
      options: [
        ("layers", layers == 1 ? nil : "\(layers)"), ("bias", bias ? nil : "false"),
        ("batch_first", batchFirst ? "true" : nil), ("dropout", dropout == 0 ? nil : "\(dropout)"),
        ("bidirectional", bidirectional ? "true" : nil),
      ])
  }
}
