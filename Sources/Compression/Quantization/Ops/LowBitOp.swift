import Tensors

/// An op with f32 results whose weights are in few bits. Forward, it is the step that ships; backward, the gradient of
/// `float` at the rounded weights (straight-through estimator).
public protocol LowBitOp: Op {
  var quantizer: WeightQuantizer { get }
  /// The op this one stands for; it takes the same inputs.
  var float: any Op { get }
  /// Which input is the weight, and which is no parameter.
  static var weightInput: Int { get }
  static var activationInput: Int { get }
  /// The computation with these parameters: all inputs but the activation, in order, in full precision.
  func step(_ parameters: [Tensor]) throws -> any TensorStep
}

extension LowBitOp {
  public func shape(of shapes: [Shape]) throws -> Shape { try float.shape(of: shapes) }
  public func dtype(of types: [DType]) throws -> DType { try float.dtype(of: types) }
  public func cost(of inputs: [Shape], output: Shape) -> Cost { float.cost(of: inputs, output: output) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    var parameters = t
    let x = parameters.remove(at: Self.activationInput)
    return try step(parameters).run([x])
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    var inputs = record.inputs.map { $0.detached() }
    inputs[Self.weightInput] = try quantizer.dequantized(inputs[Self.weightInput])
    for (input, needed) in zip(inputs, record.needs) { input.requiresGrad = needed }
    try Tape.withGradients { try float.apply(inputs).backward(from: dy) }
    return inputs.map(\.grad)
  }
}

/// `y = x W^T + b` over weights [N, K] of 2 to 8 bits, with f32 activations ("weight-only"), or 8-bit ones that each
/// row gets from its own range as it comes ("dynamic"). ONNX Runtime's MatMulNBits; DynamicQuantizeMatMul by rows.
public struct LowBitLinear: LowBitOp {
  public static let name = "low_bit_linear"
  public static let activationInput = 0
  public static let weightInput = 1
  public let quantizer: WeightQuantizer
  public let isDynamic: Bool

  public init(_ quantizer: WeightQuantizer, isDynamic: Bool) {
    (self.quantizer, self.isDynamic) = (quantizer, isDynamic)
  }

  public var float: any Op { Linear() }

  public func step(_ parameters: [Tensor]) throws -> any TensorStep {
    try LowBitLinearStep(
      weight: parameters[0], bias: parameters.count > 1 ? parameters[1] : nil, quantizer, isDynamic: isDynamic
    )
  }
}

/// Rows of a table [V, D] of 2 to 8 bits.
public struct LowBitEmbedding: LowBitOp {
  public static let name = "low_bit_embedding"
  public static let weightInput = 0
  public static let activationInput = 1
  public let quantizer: WeightQuantizer

  public init(_ quantizer: WeightQuantizer) { self.quantizer = quantizer }

  public var float: any Op { Embedding() }

  public func step(_ parameters: [Tensor]) throws -> any TensorStep {
    try LowBitEmbeddingStep(weight: parameters[0], quantizer)
  }
}
