import Tensors

extension IntegerKernels {
  /// The largest byte of each window; scale and zero point stay.
  public static func maxPool2d(_ x: Tensor, _ pool: MaxPool2d) throws -> Tensor {
    let any = QuantParams(scale: 1, zeroPoint: 0)
    let y = try pooled(x, QuantizedPool2d(pool, input: any, result: any))
    y.quantization = x.quantization
    return y
  }

  /// The mean of each window as u8 of `result`, or of what x carries.
  public static func avgPool2d(_ x: Tensor, _ pool: AvgPool2d, result: QuantParams?) throws -> Tensor {
    let input = try params(x, "x", "avg_pool2d")
    return try pooled(x, QuantizedPool2d(pool, input: input, result: result ?? input)).carrying(
      result ?? input)
  }

  /// The mean of every channel: [N, C, H, W] to [N, C, 1, 1].
  public static func globalAvgPool2d(_ x: Tensor, result: QuantParams?) throws -> Tensor {
    let input = try params(x, "x", "global_avg_pool2d")
    let op = QuantizedPool2d(GlobalAvgPool2d(), input: input, result: result ?? input)
    return try pooled(x, op).carrying(result ?? input)
  }

  private static func pooled(_ x: Tensor, _ op: QuantizedPool2d) throws -> Tensor {
    try check(x, .u8, "x", op.float.name)
    let y = try Tensor(undefined: try op.float.shape(of: [x.shape]), .u8, format: .channelsLast)
    try run(op.step([x.shape], weights: []), [try x.channelsLast()], y)
    return y
  }
}
