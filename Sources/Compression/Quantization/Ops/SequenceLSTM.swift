import Tensors

/// A layer of LSTM in one direction over sequences that lie batch first, from zero states: what a captured LSTM with
/// its transpositions is (`Pass.recognizeSequences`).
///
/// Inputs: x [N, T, I], weight_ih [4 H, I], weight_hh [4 H, H], and both biases [4 H] or none, as for `LSTM`; the result
/// is [N, T, H].
public struct SequenceLSTM: Op {
  public static let name = "sequence_lstm"
  public let isReversed: Bool

  public init(reversed: Bool = false) { isReversed = reversed }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank == 3, "input must be [N, T, features], got \(s[0])")
    let whole = try LSTM(reversed: isReversed).shape(of: [[s[0][1], s[0][0], s[0][2]]] + s.dropFirst())
    return [s[0][0], s[0][1], whole[2]]
  }

  public func dtype(of types: [DType]) throws -> DType { try LSTM(reversed: isReversed).dtype(of: types) }

  public func cost(of inputs: [Shape], output: Shape) -> Cost {
    let x = inputs[0]
    return Cost(macs: x[0] * x[1] * (inputs[1].elements + inputs[2].elements))
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try Tape.withoutGradients { try run(t).contiguous() }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let inputs = record.inputs.map { $0.detached() }
    for (input, needed) in zip(inputs, record.needs) { input.requiresGrad = needed }
    try Tape.withGradients { try run(inputs).backward(from: dy) }
    return inputs.map(\.grad)
  }

  private func run(_ t: [Tensor]) throws -> Tensor {
    let steps = t[0].shape[1]
    let states = try LSTM(reversed: isReversed).apply([t[0].transposed(0, 1)] + t.dropFirst())
    return try states.narrow(axis: 0, start: 0, count: steps).transposed(0, 1)
  }
}

/// One position of sequences [N, T, C]: [N, C].
public struct SelectPosition: Op {
  public static let name = "select_position"
  public let index: Int

  public init(_ index: Int) { self.index = index }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank == 3, "input must be [N, T, C], got \(s[0])")
    try require((0..<s[0][1]).contains(index), "\(s[0]) has no position \(index + 1)")
    return [s[0][0], s[0][2]]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try Tape.withoutGradients { try t[0].select(axis: 1, index: index).contiguous() }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let dx = try Tensor.zeros(record.inputs[0].shape, dy.dtype)
    try dx.select(axis: 1, index: index).assign(dy)
    return [dx]
  }
}
