import Tensors

/// An LSTM layer with s8 weights, a quantizer for each of both matrices, over u8 vectors; see `IntegerLSTM`.
///
/// Inputs: x [N, T, I] on the grid of `activations[0]`, then the weights and biases of `SequenceLSTM` in full precision.
/// Hidden states lie on the grid of the result, between steps as well.
public struct QuantizedLSTM: QuantizedOp {
  public static let name = "quantized_lstm"
  public let lstm: SequenceLSTM
  /// Of weight_ih and weight_hh.
  public let quantizers: [WeightQuantizer]
  public let activations: [QuantParams]
  public let result: QuantParams?
  /// Of the hidden states.
  public let states: QuantParams

  public init(
    _ lstm: SequenceLSTM, input: QuantParams, _ quantizers: [WeightQuantizer], result: QuantParams
  ) {
    precondition(quantizers.count == 2, "an LSTM has two matrices")
    (self.lstm, self.quantizers) = (lstm, quantizers)
    activations = [input]
    states = result
    self.result = result
  }

  public var float: any Op { lstm }

  public func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep {
    try IntegerLSTM(
      steps: shapes[0][1], inputs: shapes[0][2], hidden: weights[1].shape[1], reversed: lstm.isReversed,
      IntegerWeights(
        weight: weights[0], bias: bias(weights), quantizer: quantizers[0], input: activations[0],
        output: IntegerOutput(nil)),
      IntegerWeights(
        weight: weights[1], bias: nil, quantizer: quantizers[1], input: states, output: IntegerOutput(nil)),
      result: states)
  }

  /// What is added to the products with the inputs; nil where there are no biases.
  public func bias(_ weights: [Tensor]) throws -> Tensor? { try lstm.bias(of: 0, weights) }

  public func dequantized(_ weights: [Tensor]) throws -> [Tensor] {
    try zip(quantizers, weights).map { try $0.dequantized($1) } + weights.dropFirst(quantizers.count)
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
