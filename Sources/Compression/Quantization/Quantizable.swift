import Tensors

/// A float op that has an integer form.
protocol Quantizable: Op {
  /// How many of its first inputs are activations; the others are weights.
  var activationCount: Int { get }
  /// Whether its result gets parameters of its own; else it keeps those of its input.
  var definesRange: Bool { get }
  /// Whether a relu or clip behind it can become its output range.
  var fusesActivations: Bool { get }
  /// Whether it can give f32 at the end of a network, straight from the accumulators.
  var canEndInFloat: Bool { get }
  /// The integer form. `quantizer` is there for ops with weights; `result` is nil only where `canEndInFloat`.
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) throws -> any QuantizedOp
}

extension Quantizable {
  var activationCount: Int { 1 }
  var definesRange: Bool { true }
  var fusesActivations: Bool { false }
  var canEndInFloat: Bool { false }

  fileprivate func unwrap<T>(_ value: T?) -> T {
    guard let value else { preconditionFailure("\(name) was given neither scales nor a result it needs") }
    return value
  }
}

extension Conv2d: Quantizable {
  var fusesActivations: Bool { true }
  var canEndInFloat: Bool { true }
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedConv2d(self, input: inputs[0], unwrap(quantizer), result: result, range)
  }
}

extension Linear: Quantizable {
  var fusesActivations: Bool { true }
  var canEndInFloat: Bool { true }
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedLinear(input: inputs[0], unwrap(quantizer), result: result, range)
  }
}

extension Add: Quantizable {
  var activationCount: Int { 2 }
  var fusesActivations: Bool { true }
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedAdd(inputs[0], inputs[1], result: unwrap(result), range)
  }
}

extension MaxPool2d: Quantizable {
  var definesRange: Bool { false }
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedPool2d(self, input: inputs[0], result: inputs[0])
  }
}

extension AvgPool2d: Quantizable {
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedPool2d(self, input: inputs[0], result: unwrap(result))
  }
}

extension GlobalAvgPool2d: Quantizable {
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedPool2d(self, input: inputs[0], result: unwrap(result))
  }
}

/// Ops that only move bytes.
protocol QuantizableShape: Quantizable {}
extension QuantizableShape {
  var definesRange: Bool { false }
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedFlatten(self, inputs[0])
  }
}
extension Flatten: QuantizableShape {}
extension Reshape: QuantizableShape {}

/// Functions of one number: a table each.
protocol QuantizableFunction: Quantizable {}
extension QuantizableFunction {
  func quantized(
    _ inputs: [QuantParams], _ quantizer: WeightQuantizer?, _ result: QuantParams?, _ range: ActivationRange
  ) -> any QuantizedOp {
    QuantizedLookup(self, input: inputs[0], result: unwrap(result))
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
