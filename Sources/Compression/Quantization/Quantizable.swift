import Tensors

/// A float op that has an integer form.
protocol Quantizable: Op {
  /// How many of its first inputs are activations; the others are weights.
  var activationCount: Int { get }
  /// Whether its result gets parameters of its own; else it keeps those of its input.
  var definesRange: Bool { get }
  /// The parameters of the result where no data can change them.
  var fixedRange: QuantParams? { get }
  /// Whether a relu or clip behind it can become its output range.
  var fusesActivations: Bool { get }
  /// How many of the inputs after the activations become s8; the integer form reads the others in f32.
  var weightCount: Int { get }
  /// What is added to the products with one of these weights, as an s32; of all inputs after the activations.
  func bias(of weight: Int, _ weights: [Tensor]) throws -> Tensor?
  /// Which activations must have zero point 128: those the kernel takes as signed weights.
  var symmetricActivations: Range<Int> { get }
  /// Whether there are `innerValues`.
  var hasInnerValues: Bool { get }
  /// Values inside the op that the integer form needs ranges of, for activations like these.
  func innerValues(_ inputs: [Tensor]) throws -> [Tensor]
  /// Whether it can give f32 at the end of a network, straight from the accumulators.
  var canEndInFloat: Bool { get }
  /// The integer form.
  func quantized(_ given: Calibrated) throws -> any QuantizedOp
}

/// What calibration found for one op.
struct Calibrated {
  /// Of the activations it reads.
  let inputs: [QuantParams]
  /// Of its `innerValues`.
  var inner: [QuantParams] = []
  /// Of the weights that become s8.
  var quantizers: [WeightQuantizer] = []
  /// nil: f32, only where the op `canEndInFloat`.
  var result: QuantParams?
  var range = ActivationRange.unbounded
}

extension Quantizable {
  var activationCount: Int { 1 }
  var definesRange: Bool { true }
  var fixedRange: QuantParams? { nil }
  var fusesActivations: Bool { false }
  var canEndInFloat: Bool { false }
  var weightCount: Int { 1 }
  var quantizesWeights: Bool { weightCount > 0 }
  func bias(of weight: Int, _ weights: [Tensor]) throws -> Tensor? {
    weights.count > weightCount ? weights[weightCount] : nil
  }
  var symmetricActivations: Range<Int> { 0..<0 }
  var hasInnerValues: Bool { false }
  func innerValues(_ inputs: [Tensor]) throws -> [Tensor] { [] }

  fileprivate func unwrap<T>(_ value: T?) -> T {
    guard let value else { preconditionFailure("\(name) was given neither scales nor a result it needs") }
    return value
  }
}

extension Conv2d: Quantizable {
  var fusesActivations: Bool { true }
  var canEndInFloat: Bool { true }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedConv2d(
      self, input: given.inputs[0], unwrap(given.quantizers.first), result: given.result, given.range)
  }
}

extension Linear: Quantizable {
  var fusesActivations: Bool { true }
  var canEndInFloat: Bool { true }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedLinear(input: given.inputs[0], unwrap(given.quantizers.first), result: given.result, given.range)
  }
}

extension Add: Quantizable {
  var activationCount: Int { 2 }
  var fusesActivations: Bool { true }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedAdd(given.inputs[0], given.inputs[1], result: unwrap(given.result), given.range)
  }
}

extension Mul: Quantizable {
  var activationCount: Int { 2 }
  var fusesActivations: Bool { true }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedMul(given.inputs[0], given.inputs[1], result: unwrap(given.result), given.range)
  }
}

extension Concat: Quantizable {
  /// All there are.
  var activationCount: Int { .max }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedConcat(self, given.inputs, result: unwrap(given.result))
  }
}

extension Attention: Quantizable {
  var activationCount: Int { 3 }
  var weightCount: Int { 0 }
  var symmetricActivations: Range<Int> { 1..<3 }
  var hasInnerValues: Bool { true }
  /// The scores, before softmax.
  func innerValues(_ inputs: [Tensor]) throws -> [Tensor] { [try scores(inputs)] }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedAttention(self, given.inputs, scores: given.inner[0], result: unwrap(given.result))
  }
}

extension Softmax: Quantizable {
  var fixedRange: QuantParams? { QuantizedSoftmax.probabilities }
  func quantized(_ given: Calibrated) -> any QuantizedOp { QuantizedSoftmax(self, input: given.inputs[0]) }
}

extension LayerNorm: Quantizable {
  var weightCount: Int { 0 }
  var canEndInFloat: Bool { true }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedLayerNorm(self, input: given.inputs[0], result: given.result)
  }
}

extension SequenceLSTM: Quantizable {
  /// Both matrices; the sum of both biases goes with the inputs'.
  var weightCount: Int { 2 }
  func bias(of weight: Int, _ weights: [Tensor]) throws -> Tensor? {
    weight == 0 && weights.count > 3 ? try weights[2].detached() + weights[3].detached() : nil
  }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedLSTM(self, input: given.inputs[0], given.quantizers, result: unwrap(given.result))
  }
}

extension SelectPosition: Quantizable {
  var definesRange: Bool { false }
  func quantized(_ given: Calibrated) -> any QuantizedOp { QuantizedSelect(self, given.inputs[0]) }
}

extension MaxPool2d: Quantizable {
  var definesRange: Bool { false }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedPool2d(self, input: given.inputs[0], result: given.inputs[0])
  }
}

extension AvgPool2d: Quantizable {
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedPool2d(self, input: given.inputs[0], result: unwrap(given.result))
  }
}

extension GlobalAvgPool2d: Quantizable {
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedPool2d(self, input: given.inputs[0], result: unwrap(given.result))
  }
}

/// Ops that only move bytes.
protocol QuantizableShape: Quantizable {}
extension QuantizableShape {
  var definesRange: Bool { false }
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedFlatten(self, given.inputs[0])
  }
}
extension Flatten: QuantizableShape {}
extension Reshape: QuantizableShape {}

/// Functions of one number: a table each.
protocol QuantizableFunction: Quantizable {}
extension QuantizableFunction {
  func quantized(_ given: Calibrated) -> any QuantizedOp {
    QuantizedLookup(self, input: given.inputs[0], result: unwrap(given.result))
  }
}
extension Relu: QuantizableFunction {}
extension Clip: QuantizableFunction {}
extension Sigmoid: QuantizableFunction {}
extension Tanh: QuantizableFunction {}
extension Gelu: QuantizableFunction {}
extension Silu: QuantizableFunction {}
extension HardSwish: QuantizableFunction {}
extension HardSigmoid: QuantizableFunction {}
