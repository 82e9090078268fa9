import Compression
import LuaHost
import Tensors

extension Int8Library {
  static var elementwise: [Function] {
    [
      Function(
        "add", "a + b as u8.", .quantized("a"), .quantized("b"), .requiredResult
      ) { a, b, params in try IntegerKernels.add(a, b, result: params) },
      Function(
        "mul", "a * b as u8.", .quantized("a"), .quantized("b"), .requiredResult
      ) { a, b, params in try IntegerKernels.mul(a, b, result: params) },
      Function(
        "concat",
        "u8 tensors one after the other: along the channels of images, or the last dimension of others.",
        .required("tensors", [Tensor].self, "u8, carrying their quantization"), .requiredResult
      ) { tensors, params in try IntegerKernels.concat(tensors, result: params) },
      Function(
        "lookup", "table[x] of every byte: any function of one number.", .required("x", Tensor.self, "u8"),
        .required("table", [UInt8].self, "256 bytes, for x = 0, 1, ...")
      ) { x, table in try IntegerKernels.lookup(x, table) },
      Function(
        "map",
        "A function of real numbers on u8, through its table of 256 values: map(x, qs.gelu, {result = ...}).",
        .quantized("x"),
        .required("f", LuaFunction.self, "of an f32 tensor, number by number, such as qs.sigmoid"),
        .requiredResult
      ) { x, function, params in
        try IntegerKernels.map(x, result: params) { grid in
          guard case .object(let result)? = try function.call(grid).first, let values = result as? Tensor
          else {
            throw LuaError("map: the function must return a tensor")
          }
          return values
        }
      },
      Function(
        "softmax", "Softmax over the last dimension, as u8 of scale 1/256.", .quantized("x")
      ) { x in try IntegerKernels.softmax(x) },
      Function(
        "layer_norm", "Layer normalisation over the last dimension; f32 if no result is given.",
        .quantized("x"),
        .required("weight", Tensor.self, "f32 [n]"), .required("bias", Tensor.self, "f32 [n]"),
        .option("eps", default: 1e-5, "added to the variance"),
        .option("result", QuantParams?.self, "{scale, zero_point} of the result, which is u8 then")
      ) { x, weight, bias, epsilon, result in
        try IntegerKernels.layerNorm(x, weight: weight, bias: bias, epsilon: epsilon, result: result)
      },
    ]
  }

  static var pooling: [Function] {
    [
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
        "avg_pool2d", "The mean under a sliding window, as u8.", .quantized("x"),
        .required("kernel", Size2d.self, "size of the window"),
        .option("stride", Size2d?.self, "the kernel if left out"),
        .option("padding", default: Padding2d(0), "around the image"), .pooledResult
      ) { x, kernel, stride, padding, result in
        try IntegerKernels.avgPool2d(x, AvgPool2d(kernel, stride: stride, padding: padding), result: result)
      },
      Function(
        "global_avg_pool2d", "The mean of every channel, as u8: [N, C, H, W] to [N, C, 1, 1].",
        .quantized("x"),
        .pooledResult
      ) { x, result in try IntegerKernels.globalAvgPool2d(x, result: result) },
    ]
  }
}

extension Param where Value == Tensor {
  fileprivate static func quantized(_ name: String) -> Param {
    .required(name, Tensor.self, "u8, carrying its quantization")
  }
}

extension Param where Value == QuantParams {
  fileprivate static var requiredResult: Param {
    .requiredOption("result", QuantParams.self, "{scale, zero_point} of the result")
  }
}

extension Param where Value == QuantParams? {
  fileprivate static var pooledResult: Param {
    .option("result", QuantParams?.self, "{scale, zero_point} of the result; those of x if left out")
  }
}
