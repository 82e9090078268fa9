import CKernels
import Tensors

/// An op of a quantized graph. Forward, it *is* the integer kernel that ships: activations are f32 tensors whose
/// values lie on the grid of their `QuantParams`, so the bytes behind them are recovered exactly, the kernel
/// runs, and its bytes are spread onto the grid of the result. Backward, it is the gradient of `float`, the op
/// it stands for, where the result did not saturate (straight-through estimator; Bengio et al., "Estimating or
/// propagating gradients through stochastic neurons", 2013).
public protocol QuantizedOp: Op {
  /// Of the first inputs, in order. The inputs after them are weights, in full precision.
  var activations: [QuantParams] { get }
  /// How many of the inputs are activations: as many as `activations`, except for the op that makes bytes of f32.
  var inputCount: Int { get }
  /// nil: the result is f32, straight from the accumulators.
  var result: QuantParams? { get }
  /// What the result is clamped to.
  var range: ActivationRange { get }
  /// The op this one stands for; it takes the same inputs.
  var float: any Op { get }
  /// The integer computation for inputs of these shapes (the batch does not matter) and these weights.
  func step(_ shapes: [Shape], weights: [Tensor]) throws -> any IntegerStep
  /// The weights as the kernel sees them, for the gradient.
  func dequantized(_ weights: [Tensor]) throws -> [Tensor]
}

extension QuantizedOp {
  public var keepsOutput: Bool { true }
  public var inputCount: Int { activations.count }
  public var range: ActivationRange { .unbounded }
  public func dequantized(_ weights: [Tensor]) throws -> [Tensor] { weights }

  public func shape(of shapes: [Shape]) throws -> Shape { try float.shape(of: shapes) }
  public func cost(of inputs: [Shape], output: Shape) -> Cost { float.cost(of: inputs, output: output) }

  public func dtype(of types: [DType]) throws -> DType {
    try require(
      types.allSatisfy { $0 == .f32 }, "runs on f32 tensors (holding quantized values), got \(types[0])")
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let step = try step(t.map(\.shape), weights: Array(t.dropFirst(inputCount)))
    let bytes = try zip(activations, t).map { try $0.quantize($1) }
    let output = try Tensor(undefined: context.shape, step.outputType, format: .channelsLast)
    try step.run(batch: context.shape[0], bytes, into: output)
    return try result.map { try $0.dequantize(output) } ?? output
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let leaves =
      try record.inputs.prefix(activations.count)
      + dequantized(Array(record.inputs.dropFirst(activations.count)))
    let inputs = leaves.map { $0.detached() }
    for (input, needed) in zip(inputs, record.needs) { input.requiresGrad = needed }
    try Tape.withGradients {
      try float.apply(inputs).backward(from: try unsaturated(dy, record.output))
    }
    return inputs.map(\.grad)
  }

  /// `dy` where `y` lies strictly inside the range, else 0.
  private func unsaturated(_ dy: Tensor, _ y: Tensor) throws -> Tensor {
    guard let result else { return dy }
    let (low, high) = range.bounds(result)
    let (least, most) = (result.dequantize(low), result.dequantize(high))
    let masked = try dy.copy(format: y.format)
    let (gradient, value) = (masked.floats, y.floats)
    for i in 0..<y.count where value[i] <= least || value[i] >= most { gradient[i] = 0 }
    return masked
  }
}

extension QuantParams {
  /// f32 to u8, channels innermost.
  public func quantize(_ x: Tensor) throws -> Tensor {
    let source = x.rank == 4 ? try x.channelsLast() : try x.contiguous()
    let q = try Tensor(undefined: x.shape, .u8, format: .channelsLast)
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: x.count)
    try withExtendedLifetime(source) {
      try checkStatus(
        qk_quantize_u8(qk_isa_active(), layout, source.floats, [scale], [zeroPoint], q.pointer(UInt8.self)),
        "quantize")
      clamp(q.count, q.pointer(UInt8.self))
    }
    return q
  }

  /// u8 to f32, as it lies.
  func dequantize(_ q: Tensor) throws -> Tensor {
    let x = try Tensor(undefined: q.shape, .f32, format: q.format)
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: q.count)
    try checkStatus(
      qk_dequantize_u8(qk_isa_active(), layout, q.pointer(UInt8.self), [scale], [zeroPoint], x.floats),
      "dequantize")
    return x
  }
}

extension Shape {
  /// Elements of one sample: everything but the batch.
  var sampleElements: Int { dropFirst().reduce(1, *) }
}
