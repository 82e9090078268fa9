import CKernels
import Tensors

extension IntegerKernels {
  /// What becomes of the sums of a product or convolution.
  public struct Output {
    /// One for each output channel, or one for all; nil leaves the sums in s32, unless `result` is given.
    let multipliers: [Float]?
    let zeroPoint: UInt8?
    /// u8 of these parameters, by the scales that the operands carry.
    let result: QuantParams?
    let range: ActivationRange

    /// - Parameters:
    ///   - multipliers: of the sums: f32, or u8 with a zero point.
    ///   - result: instead of both.
    public init(
      multipliers: [Float]? = nil, zeroPoint: UInt8? = nil, result: QuantParams? = nil,
      range: ActivationRange = .unbounded
    ) throws {
      try require(
        multipliers != nil || zeroPoint == nil, "int8", "an output zero point needs a multiplier beside it")
      try require(
        result == nil || multipliers == nil, "int8",
        "give either a multiplier or the parameters of the result")
      try require(
        range == .unbounded || result != nil, "int8",
        "an activation needs the parameters of the result beside it")
      (self.multipliers, self.zeroPoint, self.result, self.range) = (multipliers, zeroPoint, result, range)
    }

    fileprivate var dtype: DType {
      if result != nil { return .u8 }
      return multipliers == nil ? .i32 : zeroPoint == nil ? .f32 : .u8
    }

    fileprivate var stage: qk_output {
      if let result {
        let (low, high) = range.bounds(result)
        return qk_output(kind: QK_OUTPUT_U8, zero_point: result.zeroPoint, lo: low, hi: high)
      }
      let kind = multipliers == nil ? QK_OUTPUT_S32 : zeroPoint == nil ? QK_OUTPUT_F32 : QK_OUTPUT_U8
      return qk_output(kind: kind, zero_point: zeroPoint ?? 0, lo: 0, hi: 255)
    }
  }

  /// `sum (x - zeroPoint) w + bias`: x [M, K] u8, weight [N, K] s8, bias [N] s32, to [M, N].
  ///
  /// - Parameters:
  ///   - zeroPoint: of x; the one it carries, or 0, if left out.
  ///   - form: how the weights are packed; the quickest way if left out.
  public static func linear(
    _ x: Tensor, _ weight: Tensor, zeroPoint: UInt8?, bias: Tensor?, output: Output,
    form: PackedMatrix.Form? = nil
  ) throws -> Tensor {
    try require(
      x.rank == 2 && weight.rank == 2 && x.shape[1] == weight.shape[1], "linear",
      "needs x [M, K] and weight [N, K], got \(x.shape) and \(weight.shape)")
    let values = try weights(x, weight, zeroPoint, bias, output, "linear")
    let (inputs, outputs) = (x.shape[1], weight.shape[0])
    let y = try Tensor(undefined: [x.shape[0], outputs], output.dtype)
    try require(inputs > 0 && outputs > 0, "linear", "weight \(weight.shape) has no elements")
    try run(IntegerLinear(values, inputs: inputs, outputs: outputs, form: form), [try x.contiguous()], y)
    return output.result.map(y.carrying) ?? y
  }

  /// The same over images: x [N, C, H, W] u8, weight [O, C / groups, kh, kw] s8.
  public static func conv2d(
    _ x: Tensor, _ weight: Tensor, _ convolution: Conv2d, zeroPoint: UInt8?, bias: Tensor?, output: Output
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
    return output.result.map(y.carrying) ?? y
  }

  private static func weights(
    _ x: Tensor, _ weight: Tensor, _ zeroPoint: UInt8?, _ bias: Tensor?, _ output: Output, _ function: String
  ) throws -> IntegerWeights {
    try check(x, .u8, "x", function)
    try check(weight, .i8, "weight", function)
    let channels = weight.shape[0]
    if let bias {
      try check(bias, .i32, "bias", function)
      try require(bias.shape == [channels], function, "bias must be [\(channels)], got \(bias.shape)")
    }
    let multipliers =
      try output.result.map { try scales(x, weight, $0, function) } ?? output.multipliers ?? [1]
    try require(
      multipliers.count == 1 || multipliers.count == channels, function,
      "there are \(multipliers.count) multipliers for \(channels) output channels")
    let carried = x.quantization.flatMap { UInt8(exactly: $0.zeroPoint) }
    return IntegerWeights(
      weights: try weight.array(), bias: try bias?.array() ?? [Int32](repeating: 0, count: channels),
      multipliers: multipliers.count == channels
        ? multipliers : [Float](repeating: multipliers[0], count: channels),
      inputZeroPoint: zeroPoint ?? carried ?? 0, output: output.stage)
  }

  /// Multipliers from what the operands carry, rounded as in a network.
  private static func scales(
    _ x: Tensor, _ weight: Tensor, _ result: QuantParams, _ function: String
  ) throws -> [Float] {
    let input = try params(x, "x", function)
    guard let quantization = weight.quantization, quantization.zeroPoint == 0 else {
      throw ShapeError(
        function, "weight carries no scales of zero point 0; make it with qs.int8.quantize_weight")
    }
    return IntegerOutput(result).multipliers(input.scale, quantization.scales)
  }
}
