import Compression
import LuaHost
import Tensors

extension Int8Library {
  static var products: [Function] {
    [
      Function(
        "linear",
        "sum (x - zero_point) w + bias. The sums as i32; with `result` as u8 of those parameters, by the scales that x and "
          + "weight carry; with a multiplier as f32, acc * multiplier; with an output zero point as well as u8, "
          + "clamp(rne(acc * multiplier) + output_zero_point).",
        .required("x", Tensor.self, "u8 [M, K]"), .required("weight", Tensor.self, "i8 [N, K]"), .zeroPoint,
        .bias, .result, .activation, .multiplier, .outputZeroPoint,
        .option(
          "form", PackedMatrix.Form?.self,
          "how the weights are packed, whole or without their zeros; the quickest way if left out. The bits are the same"
        )
      ) { x, weight, zeroPoint, bias, result, activation, multiplier, outputZeroPoint, form in
        try IntegerKernels.linear(
          x, weight, zeroPoint: zeroPoint, bias: bias,
          output: .init(
            multipliers: multiplier?.floats, zeroPoint: outputZeroPoint, result: result,
            range: activation.range), form: form)
      },
      Function(
        "conv2d", "A convolution of images, otherwise as linear. Padding stands for the zero point.",
        .required("x", Tensor.self, "u8 [N, C, H, W]"),
        .required("weight", Tensor.self, "i8 [O, C / groups, kh, kw]"),
        .option("stride", default: Size2d(1), "step of the window"),
        .option("padding", default: Padding2d(0), "around the image"),
        .option("dilation", default: Size2d(1), "distance of neighbouring taps"),
        .option("groups", default: 1, "groups of channels", .positive), .zeroPoint, .bias, .result,
        .activation,
        .multiplier, .outputZeroPoint
      ) {
        x, weight, stride, padding, dilation, groups, zeroPoint, bias, result, activation, multiplier,
        outputZeroPoint in
        try IntegerKernels.conv2d(
          x, weight, Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups),
          zeroPoint: zeroPoint, bias: bias,
          output: .init(
            multipliers: multiplier?.floats, zeroPoint: outputZeroPoint, result: result,
            range: activation.range))
      },
    ]
  }

  static var lowBit: [Function] {
    [
      Function(
        "quantize_grouped",
        "f32 weights to few bits, with a scale (and a zero point, unless symmetric) for every group of columns: codes u8 "
          + "[N, K], scales f32 [N, groups], zero points u8 [N, groups] or nil.",
        .required("weight", Tensor.self, "f32 [N, K]"), .bits, .group,
        .option("symmetric", default: true, "whether code 2^(bits - 1) stands for 0"),
        returns: "tensor, tensor, tensor?"
      ) { weight, bits, group, symmetric in
        let w = try IntegerKernels.quantizeGroups(weight, bits: bits, group: group, isSymmetric: symmetric)
        return LuaResults(w.codes, w.scales, w.zeroPoints)
      },
      Function(
        "linear_grouped", "x W^T + bias in f32, for weights of few bits from quantize_grouped.",
        .required("x", Tensor.self, "f32 [M, K]"), .required("codes", Tensor.self, "u8 [N, K]"),
        .required("scales", Tensor.self, "f32 [N, groups]"),
        .optional("zero_points", Tensor?.self, "u8 [N, groups]; 2^(bits - 1) if left out"), .bits, .group,
        .option("bias", Tensor?.self, "f32 [N]"),
        .option(
          "activations", default: IntegerKernels.Activations.f32,
          "\"s8\": every row of x is quantized by its own range, and the product done in integers")
      ) { x, codes, scales, zeroPoints, bits, group, bias, activations in
        try IntegerKernels.linear(
          x, .init(codes: codes, scales: scales, zeroPoints: zeroPoints, bits: bits, group: group),
          bias: bias,
          activations: activations)
      },
    ]
  }
}

extension IntegerKernels.Activations: LuaEnum {}
extension PackedMatrix.Form: LuaEnum {}

/// What may follow a product before it is rounded to u8.
private enum FusedActivation: String, CaseIterable, LuaEnum {
  case none, relu, relu6

  var range: ActivationRange {
    switch self {
    case .none: .unbounded
    case .relu: .nonNegative
    case .relu6: .clip(min: 0, max: 6)
    }
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

extension Param where Value == UInt8? {
  fileprivate static var zeroPoint: Param {
    .option("zero_point", UInt8?.self, "of x; what x carries, or 0, if left out")
  }
  fileprivate static var outputZeroPoint: Param {
    .option("output_zero_point", UInt8?.self, "of the result, which is u8 then")
  }
}

extension Param where Value == Tensor? {
  fileprivate static var bias: Param { .option("bias", Tensor?.self, "i32, one per output channel") }
}

extension Param where Value == QuantParams? {
  fileprivate static var result: Param {
    .option("result", QuantParams?.self, "{scale, zero_point} of the result, which is u8 then")
  }
}

extension Param where Value == FusedActivation {
  fileprivate static var activation: Param {
    .option("activation", default: FusedActivation.none, "\"relu\" or \"relu6\", fused; needs `result`")
  }
}

extension Param where Value == OneOf<Double, [Double]>? {
  fileprivate static var multiplier: Param {
    .option("multiplier", OneOf<Double, [Double]>?.self, "of the sums: one, or one per output channel")
  }
}

extension Param where Value == Int {
  fileprivate static var bits: Param { .option("bits", default: 4, "2, 4 or 8") }
  fileprivate static var group: Param {
    .option("group", default: 32, "columns of a group: 16, 32, 64 or 128")
  }
}
