import CKernels
import Tensors

/// The integer kernels on tensors, for work by hand: u8 activations, s8 weights, s32 sums.
///
/// Networks use `IntegerStep`s, which keep their weights packed; these pack for one call.
public enum IntegerKernels {
  /// What becomes of the sums of a product or convolution: with multipliers f32, with a zero point too u8,
  /// with neither s32.
  public struct Output {
    /// One for each output channel, or one for all.
    let multipliers: [Float]?
    let zeroPoint: UInt8?

    public init(multipliers: [Float]? = nil, zeroPoint: UInt8? = nil) throws {
      try require(
        multipliers != nil || zeroPoint == nil, "int8", "an output zero point needs a multiplier beside it")
      (self.multipliers, self.zeroPoint) = (multipliers, zeroPoint)
    }

    fileprivate var dtype: DType { multipliers == nil ? .i32 : zeroPoint == nil ? .f32 : .u8 }

    fileprivate var stage: qk_output {
      let kind = multipliers == nil ? QK_OUTPUT_S32 : zeroPoint == nil ? QK_OUTPUT_F32 : QK_OUTPUT_U8
      return qk_output(kind: kind, zero_point: zeroPoint ?? 0, lo: 0, hi: 255)
    }
  }

  /// f32 to u8, ties to even, saturating.
  public static func quantize(_ x: Tensor, _ params: QuantParams) throws -> Tensor {
    try check(x, .f32, "x", "quantize")
    return try params.quantize(x)
  }

  /// u8 to f32.
  public static func dequantize(_ q: Tensor, _ params: QuantParams) throws -> Tensor {
    try check(q, .u8, "q", "dequantize")
    return try params.dequantize(try q.dense())
  }

  /// f32 weights [O, ...] to i8 with one scale per output channel.
  public static func quantize(weight: Tensor) throws -> (values: Tensor, scales: Tensor) {
    try check(weight, .f32, "weight", "quantize_weight")
    try require(weight.rank > 0, "quantize_weight", "weight must be [O, ...], got a scalar")
    let quantizer = try WeightQuantizer(weight: weight, bias: nil, inputScale: 1)
    return (
      try Tensor(weight.shape, quantizer.quantize(weight)),
      try Tensor([quantizer.scales.count], quantizer.scales)
    )
  }

  /// `sum (x - zeroPoint) w + bias`: x [M, K] u8, weight [N, K] i8, bias [N] i32, to [M, N].
  public static func linear(
    _ x: Tensor, _ weight: Tensor, zeroPoint: UInt8, bias: Tensor?, output: Output
  ) throws -> Tensor {
    try require(
      x.rank == 2 && weight.rank == 2 && x.shape[1] == weight.shape[1], "linear",
      "needs x [M, K] and weight [N, K], got \(x.shape) and \(weight.shape)")
    let values = try weights(x, weight, zeroPoint, bias, output, "linear")
    let (inputs, outputs) = (x.shape[1], weight.shape[0])
    let y = try Tensor(undefined: [x.shape[0], outputs], output.dtype)
    try run(IntegerLinear(values, inputs: inputs, outputs: outputs), [try x.contiguous()], y)
    return y
  }

  /// The same over images: x [N, C, H, W] u8, weight [O, C / groups, kh, kw] i8.
  public static func conv2d(
    _ x: Tensor, _ weight: Tensor, _ convolution: Conv2d, zeroPoint: UInt8, bias: Tensor?, output: Output
  ) throws -> Tensor {
    let shape = try convolution.shape(of: [x.shape, weight.shape])
    let values = try weights(x, weight, zeroPoint, bias, output, "conv2d")
    let window = Window2d(
      kernel: Size2d(weight.shape[2], weight.shape[3]), stride: convolution.stride,
      padding: convolution.padding, dilation: convolution.dilation)
    let y = try Tensor(undefined: shape, output.dtype, format: .channelsLast)
    try run(
      IntegerConv2d(values, .init(x.shape, window, outputs: weight.shape[0], groups: convolution.groups)),
      [try x.channelsLast()], y)
    return y
  }

  /// `a + b` of two u8 tensors of one shape, as u8 with parameters of its own.
  public static func add(
    _ a: Tensor, _ aParams: QuantParams, _ b: Tensor, _ bParams: QuantParams, result: QuantParams
  ) throws -> Tensor {
    try check(a, .u8, "a", "add")
    try check(b, .u8, "b", "add")
    try require(a.shape == b.shape, "add", "shapes \(a.shape) and \(b.shape) differ")
    let y = try Tensor(undefined: a.shape, .u8)
    let step = IntegerAdd(aParams, bParams, result, .unbounded, elements: a.count)
    try run(step, [try a.contiguous(), try b.contiguous()], y, batch: 1)
    return y
  }

  /// `table[x]` of every byte: any function of one number.
  public static func lookup(_ x: Tensor, _ table: [UInt8]) throws -> Tensor {
    try check(x, .u8, "x", "lookup")
    try require(table.count == 256, "lookup", "the table must have 256 bytes, got \(table.count)")
    let y = try Tensor(undefined: x.shape, .u8)
    try run(IntegerLookup(table, elements: x.count), [try x.contiguous()], y, batch: 1)
    return y
  }

  /// The largest byte of each window; scale and zero point stay.
  public static func maxPool2d(_ x: Tensor, _ pool: MaxPool2d) throws -> Tensor {
    let any = QuantParams(scale: 1, zeroPoint: 0)
    return try pooled(x, QuantizedPool2d(pool, input: any, result: any))
  }

  /// The mean of each window, requantized.
  public static func avgPool2d(
    _ x: Tensor, _ pool: AvgPool2d, input: QuantParams, result: QuantParams
  ) throws -> Tensor {
    try pooled(x, QuantizedPool2d(pool, input: input, result: result))
  }

  // MARK: Pieces

  private static func pooled(_ x: Tensor, _ op: QuantizedPool2d) throws -> Tensor {
    try check(x, .u8, "x", op.float.name)
    let y = try Tensor(undefined: try op.float.shape(of: [x.shape]), .u8, format: .channelsLast)
    try run(op.step([x.shape], weights: []), [try x.channelsLast()], y)
    return y
  }

  private static func weights(
    _ x: Tensor, _ weight: Tensor, _ zeroPoint: UInt8, _ bias: Tensor?, _ output: Output, _ function: String
  ) throws -> IntegerWeights {
    try check(x, .u8, "x", function)
    try check(weight, .i8, "weight", function)
    let channels = weight.shape[0]
    if let bias {
      try check(bias, .i32, "bias", function)
      try require(bias.shape == [channels], function, "bias must be [\(channels)], got \(bias.shape)")
    }
    let multipliers = output.multipliers ?? [1]
    try require(
      multipliers.count == 1 || multipliers.count == channels, function,
      "there are \(multipliers.count) multipliers for \(channels) output channels")
    return IntegerWeights(
      weights: try weight.array(), bias: try bias?.array() ?? [Int32](repeating: 0, count: channels),
      multipliers: multipliers.count == channels
        ? multipliers : [Float](repeating: multipliers[0], count: channels),
      inputZeroPoint: zeroPoint, output: output.stage)
  }

  private static func run(
    _ step: any IntegerStep, _ inputs: [Tensor], _ y: Tensor, batch: Int? = nil
  ) throws {
    guard y.count > 0 else { return }
    try step.run(batch: batch ?? y.shape[0], inputs, into: y)
  }

  private static func check(_ x: Tensor, _ dtype: DType, _ name: String, _ function: String) throws {
    try require(x.dtype == dtype, function, "\(name) must be \(dtype), got \(x.dtype); see to(\"\(dtype)\")")
  }
}

extension qk_conv2d_shape {
  /// A convolution over images [N, C, H, W].
  init(_ x: Shape, _ window: Window2d, outputs: Int, groups: Int) {
    self.init(
      height: x[2], width: x[3], channels: x[1], out_channels: outputs, groups: groups,
      kernel_h: window.kernel.height, kernel_w: window.kernel.width, stride_h: window.stride.height,
      stride_w: window.stride.width, dilation_h: window.dilation.height, dilation_w: window.dilation.width,
      pad_top: window.padding.top, pad_left: window.padding.left, pad_bottom: window.padding.bottom,
      pad_right: window.padding.right)
  }
}
