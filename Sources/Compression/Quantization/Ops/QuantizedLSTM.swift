import Tensors

/// An LSTM layer with s8 weights, one scale for each row of each matrix, over u8 vectors; see `IntegerLSTM`.
///
/// Inputs: x [N, T, I] on the grid of `activations[0]`, then the weights and biases of `SequenceLSTM` in full precision.
/// Hidden states lie on the grid of the result, between steps as well.
public struct QuantizedLSTM: QuantizedOp {
  public static let name = "quantized_lstm"
  private let lstm: SequenceLSTM
  public let activations: [QuantParams]
  public let result: QuantParams?
  private let states: QuantParams

  public init(_ lstm: SequenceLSTM, input: QuantParams, result: QuantParams) {
    self.lstm = lstm
    activations = [input]
    states = result
    self.result = result
  }

  public var float: any Op { lstm }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    let bias = try weights.count > 2 ? weights[2].detached() + weights[3].detached() : nil
    let x = activations[0]
    return try IntegerLSTM(
      steps: shapes[0][1], inputs: shapes[0][2], hidden: weights[1].shape[1], reversed: lstm.isReversed,
      IntegerWeights(
        weight: weights[0], bias: bias,
        quantizer: WeightQuantizer(weight: weights[0], bias: bias, inputScale: x.scale), input: x,
        output: IntegerOutput(nil)),
      IntegerWeights(
        weight: weights[1], bias: nil, quantizer: WeightQuantizer(weight: weights[1], bias: nil),
        input: states,
        output: IntegerOutput(nil)),
      result: states)
  }

  public func dequantized(_ weights: [Tensor]) throws -> [Tensor] {
    try weights.prefix(2).map { try WeightQuantizer(weight: $0, bias: nil).dequantized($0) }
      + weights.dropFirst(2)
  }
}

/// One position of a u8 sequence.
public struct QuantizedSelect: QuantizedOp {
  public static let name = "quantized_select"
  private let select: SelectPosition
  public let activations: [QuantParams]
  public let result: QuantParams?

  public init(_ select: SelectPosition, _ params: QuantParams) {
    self.select = select
    activations = [params]
    result = params
  }

  public var float: any Op { select }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    try IntegerSelect(positions: shapes[0][1], width: shapes[0][2], index: select.index)
  }
}
