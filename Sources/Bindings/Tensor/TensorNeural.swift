import LuaHost
import Tensors

/// What layers compute, with the weights given.
extension TensorFunction {
  static var neural: [TensorFunction] { convolutions + pooling + normalizations + others }

  private static var convolutions: [TensorFunction] {
    [
      TensorFunction(
        "conv1d", "One-dimensional convolution of [N, C, L].", .weight("[O, C / groups, k]"), .bias("[O]"),
        .stride1d, .padding1d, .dilation1d, .groups
      ) { x, weight, bias, stride, padding, dilation, groups in
        try Conv1d(stride: stride, padding: padding, dilation: dilation, groups: groups)
          .apply([x, weight] + given(bias))
      },
      TensorFunction(
        "conv2d", "Two-dimensional convolution of [N, C, H, W].", .weight("[O, C / groups, kh, kw]"),
        .bias("[O]"), .stride2d, .padding2d, .dilation2d, .groups
      ) { x, weight, bias, stride, padding, dilation, groups in
        try Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups)
          .apply([x, weight] + given(bias))
      },
      TensorFunction(
        "conv_transpose1d", "Transposed convolution of [N, C, L].", .weight("[C, O / groups, k]"),
        .bias("[O]"), .stride1d, .padding1d, .outputPadding1d, .groups, .dilation1d
      ) { x, weight, bias, stride, padding, outputPadding, groups, dilation in
        try ConvTranspose1d(
          stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups
        ).apply([x, weight] + given(bias))
      },
      TensorFunction(
        "conv_transpose2d", "Transposed convolution of [N, C, H, W].", .weight("[C, O / groups, kh, kw]"),
        .bias("[O]"), .stride2d, .padding2d, .outputPadding2d, .groups, .dilation2d
      ) { x, weight, bias, stride, padding, outputPadding, groups, dilation in
        try ConvTranspose2d(
          stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups
        ).apply([x, weight] + given(bias))
      },
    ]
  }

  private static var pooling: [TensorFunction] {
    [
      TensorFunction(
        "max_pool1d", "The largest element under a window that slides along [N, C, L].", .kernel1d,
        .poolStride1d, .padding1d, .dilation1d
      ) { x, kernel, stride, padding, dilation in
        try MaxPool1d(kernel, stride: stride, padding: padding, dilation: dilation)(x)
      },
      TensorFunction(
        "max_pool2d", "The largest element under a window that slides over [N, C, H, W].", .kernel2d,
        .poolStride2d, .padding2d, .dilation2d
      ) { x, kernel, stride, padding, dilation in
        try MaxPool2d(kernel, stride: stride, padding: padding, dilation: dilation)(x)
      },
      TensorFunction(
        "avg_pool1d", "The mean of the elements under a window that slides along [N, C, L].", .kernel1d,
        .poolStride1d, .padding1d, .countIncludePad
      ) { x, kernel, stride, padding, counted in
        try AvgPool1d(kernel, stride: stride, padding: padding, countIncludePad: counted)(x)
      },
      TensorFunction(
        "avg_pool2d", "The mean of the elements under a window that slides over [N, C, H, W].", .kernel2d,
        .poolStride2d, .padding2d, .countIncludePad
      ) { x, kernel, stride, padding, counted in
        try AvgPool2d(kernel, stride: stride, padding: padding, countIncludePad: counted)(x)
      },
    ]
  }

  private static var normalizations: [TensorFunction] {
    [
      TensorFunction(
        "group_norm", "Normalisation of each sample of [N, C, ...] over groups of neighbouring channels.",
        .required("groups", Int.self, "how many"), .gain, .bias("[C], beside a weight"), .epsilon
      ) { x, groups, weight, bias, epsilon in
        try GroupNorm(groups: groups, epsilon: epsilon).apply([x] + affine(x, weight, bias))
      },
      TensorFunction(
        "instance_norm", "Normalisation of each channel of each sample of [N, C, ...].", .gain,
        .bias("[C], beside a weight"), .epsilon
      ) { x, weight, bias, epsilon in
        try InstanceNorm(epsilon: epsilon).apply([x] + affine(x, weight, bias))
      },
    ]
  }

  private static var others: [TensorFunction] {
    [
      TensorFunction(
        "prelu", "max(x, 0) + weight * min(x, 0).",
        .required("weight", Tensor.self, "of one element, or of one for each channel of [N, C, ...]")
      ) { x, weight in try x.prelu(weight) },
      TensorFunction(
        "interpolate", "Images [N, C, H, W] or sequences [N, C, L] at another size.", .size, .scaleFactor,
        .interpolation, .alignCorners
      ) { x, size, scale, mode, aligned in
        try Interpolate(.init(size, scale, for: "interpolate"), mode: mode, alignCorners: aligned)(x)
      },
      TensorFunction(
        "embedding",
        "The rows of a table that these i64 indices name, counted from 0: S to [S..., features].",
        .required("weight", Tensor.self, "[rows, features]"),
        .option("sparse", default: false, "whether the table's gradient holds only the rows looked up")
      ) { indices, weight, sparse in try Embedding(isSparse: sparse)(weight, indices) },
    ]
  }

  private static func given(_ tensor: Tensor?) -> [Tensor] { tensor.map { [$0] } ?? [] }

  /// A bias stands behind a weight: alone it gets a weight of ones.
  private static func affine(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?) throws -> [Tensor] {
    guard let bias else { return given(weight) }
    return [try weight ?? .ones(bias.shape, bias.dtype), bias]
  }
}

extension Param where Value == Tensor {
  fileprivate static func weight(_ shape: String) -> Param { .required("weight", Tensor.self, shape) }
}

extension Param where Value == Tensor? {
  fileprivate static func bias(_ shape: String) -> Param { .option("bias", Tensor?.self, shape) }
  fileprivate static var gain: Param { .option("weight", Tensor?.self, "[C]; ones if left out") }
}
