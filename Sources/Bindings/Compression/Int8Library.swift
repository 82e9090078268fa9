import Compression
import LuaHost
import Tensors

/// `qs.int8`: the integer kernels by hand.
enum Int8Library {
  static var library: Library {
    Library(
      "qs.int8",
      "The integer kernels by hand: u8 activations with {scale, zero_point}, i8 weights, i32 sums. "
        + "Every instruction set gives the same bits.",
      conversions + products + others)
  }

  private static var conversions: [Function] {
    [
      Function("isa", "The instruction set in use, such as \"avx512vnni\".") { Engine.instructionSet },
      Function(
        "quantize", "f32 to u8: rne(x / scale) + zero_point, saturating.", .required("x", Tensor.self, "f32"),
        .required("params", QuantParams.self, "see qs.quantization.params")
      ) { x, params in try IntegerKernels.quantize(x, params) },
      Function(
        "dequantize", "u8 to f32: (q - zero_point) * scale.", .required("q", Tensor.self, "u8"),
        .required("params", QuantParams.self, "those it was quantized with")
      ) { q, params in try IntegerKernels.dequantize(q, params) },
      Function(
        "quantize_weight", "f32 weights to i8, symmetric, with one scale per output channel.",
        .required("weight", Tensor.self, "[O, ...], f32"), returns: "tensor, tensor"
      ) { weight in
        let (values, scales) = try IntegerKernels.quantize(weight: weight)
        return LuaResults(values, scales)
      },
    ]
  }

  private static var products: [Function] {
    [
      Function(
        "linear",
        "sum (x - zero_point) w + bias. The sums as i32; with a multiplier as f32, acc * multiplier; with an output "
          + "zero point as well as u8, clamp(rne(acc * multiplier) + output_zero_point).",
        .required("x", Tensor.self, "u8 [M, K]"), .required("weight", Tensor.self, "i8 [N, K]"), .zeroPoint,
        .bias, .multiplier, .outputZeroPoint
      ) { x, weight, zeroPoint, bias, multiplier, outputZeroPoint in
        try IntegerKernels.linear(
          x, weight, zeroPoint: zeroPoint, bias: bias,
          output: .init(multipliers: multiplier?.floats, zeroPoint: outputZeroPoint))
      },
      Function(
        "conv2d", "A convolution of images, otherwise as linear. Padding stands for the zero point.",
        .required("x", Tensor.self, "u8 [N, C, H, W]"),
        .required("weight", Tensor.self, "i8 [O, C / groups, kh, kw]"),
        .option("stride", default: Size2d(1), "step of the window"),
        .option("padding", default: Padding2d(0), "around the image"),
        .option("dilation", default: Size2d(1), "distance of neighbouring taps"),
        .option("groups", default: 1, "groups of channels", .positive), .zeroPoint, .bias, .multiplier,
        .outputZeroPoint
      ) { x, weight, stride, padding, dilation, groups, zeroPoint, bias, multiplier, outputZeroPoint in
        try IntegerKernels.conv2d(
          x, weight, Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups),
          zeroPoint: zeroPoint, bias: bias,
          output: .init(multipliers: multiplier?.floats, zeroPoint: outputZeroPoint))
      },
    ]
  }

  private static var others: [Function] {
    [
      Function(
        "add", "a + b as u8.", .required("a", Tensor.self, "u8"),
        .required("a_params", QuantParams.self, "of a"),
        .required("b", Tensor.self, "u8, of the same shape"), .required("b_params", QuantParams.self, "of b"),
        .required("params", QuantParams.self, "of the result")
      ) { a, aParams, b, bParams, params in try IntegerKernels.add(a, aParams, b, bParams, result: params) },
      Function(
        "lookup", "table[x] of every byte: any function of one number.", .required("x", Tensor.self, "u8"),
        .required("table", [UInt8].self, "256 bytes, for x = 0, 1, ...")
      ) { x, table in try IntegerKernels.lookup(x, table) },
      Function(
        "max_pool2d", "The largest byte under a sliding window; scale and zero point stay.",
        .required("x", Tensor.self, "u8 [N, C, H, W]"),
        .required("kernel", Size2d.self, "size of the window"),
        .option("stride", Size2d?.self, "the kernel if left out"),
        .option("padding", default: Padding2d(0), "around the image")
      ) { x, kernel, stride, padding in
        try IntegerKernels.maxPool2d(x, MaxPool2d(kernel, stride: stride, padding: padding))
      },
      Function(
        "avg_pool2d", "The mean under a sliding window, as u8.",
        .required("x", Tensor.self, "u8 [N, C, H, W]"),
        .required("kernel", Size2d.self, "size of the window"),
        .option("stride", Size2d?.self, "the kernel if left out"),
        .option("padding", default: Padding2d(0), "around the image"),
        .requiredOption("input", QuantParams.self, "of x"),
        .requiredOption("result", QuantParams.self, "of the result")
      ) { x, kernel, stride, padding, input, result in
        try IntegerKernels.avgPool2d(
          x, AvgPool2d(kernel, stride: stride, padding: padding), input: input, result: result)
      },
    ]
  }
}

extension OneOf<Double, [Double]> {
  fileprivate var floats: [Float] {
    switch self {
    case .first(let one): [Float(one)]
    case .second(let list): list.map { Float($0) }
    }
  }
}

extension Param where Value == UInt8 {
  fileprivate static var zeroPoint: Param { .option("zero_point", default: 0, "of x") }
}

extension Param where Value == UInt8? {
  fileprivate static var outputZeroPoint: Param {
    .option("output_zero_point", UInt8?.self, "of the result, which is u8 then")
  }
}

extension Param where Value == Tensor? {
  fileprivate static var bias: Param { .option("bias", Tensor?.self, "i32, one per output channel") }
}

extension Param where Value == OneOf<Double, [Double]>? {
  fileprivate static var multiplier: Param {
    .option("multiplier", OneOf<Double, [Double]>?.self, "of the sums: one, or one per output channel")
  }
}
