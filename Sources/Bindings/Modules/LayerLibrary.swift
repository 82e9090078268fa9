import LuaHost
import Models
import Tensors

/// `qs.nn`: layers and containers.
enum LayerLibrary {
  static var library: Library {
    Library(
      "qs.nn", "Layers and containers. Sizes are positional, everything else is an option.",
      layers + RecurrentLayer.constructors + pooling + activations + containers + [ScriptedModule.function])
  }

  private static var layers: [Function] {
    [
      Function(
        "linear", "y = x W^T + b: [..., inputs] to [..., outputs].",
        .required("inputs", Int.self, "features of the input"),
        .required("outputs", Int.self, "features of the result"), .bias, returns: "module"
      ) { inputs, outputs, bias in try LinearLayer(inputs, outputs, bias: bias) as Module },
      Function(
        "conv2d", "Two-dimensional convolution: [N, inputs, H, W] to [N, outputs, OH, OW].",
        .required("inputs", Int.self, "input channels"), .required("outputs", Int.self, "output channels"),
        .required("kernel", Size2d.self, "size of the window"),
        .option("stride", default: Size2d(1), "step of the window"),
        .padding, .dilation, .option("groups", default: 1, "groups of channels that see only each other"),
        .bias,
        returns: "module"
      ) { inputs, outputs, kernel, stride, padding, dilation, groups, bias in
        try Conv2dLayer(
          inputs, outputs, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
          bias: bias)
          as Module
      },
      Function(
        "batch_norm2d", "Batch normalisation of images [N, channels, H, W] or rows [N, channels].",
        .required("channels", Int.self, "of the input"), .epsilon,
        .option("momentum", default: 0.1, "share of each batch in the running statistics"), returns: "module"
      ) { channels, epsilon, momentum in
        try BatchNorm2dLayer(channels, epsilon: epsilon, momentum: momentum) as Module
      },
      Function(
        "layer_norm", "Normalisation over the last dimensions of each sample.",
        .required("shape", OneOf<Int, [Int]>.self, "extents of the dimensions normalised together"), .epsilon,
        returns: "module"
      ) { shape, epsilon in try LayerNormLayer([shape].flat, epsilon: epsilon) as Module },
      Function(
        "multi_head_attention",
        "Self-attention: every position looks at all others, once for each head. [N, T, features] to the same.",
        .required("features", Int.self, "of a position"),
        .required("heads", Int.self, "that share the features"),
        .option("causal", default: false, "whether a position sees only those before it and itself"), .bias,
        returns: "module"
      ) { features, heads, causal, bias in
        try MultiHeadAttention(features, heads: heads, isCausal: causal, bias: bias) as Module
      },
      Function(
        "embedding", "A table of vectors, looked up by i64 indices that count from 0: S to [S..., features].",
        .required("rows", Int.self, "vectors in the table"),
        .required("features", Int.self, "length of a vector"),
        returns: "module"
      ) { rows, features in try EmbeddingLayer(rows, features) as Module },
      Function(
        "dropout", "Sets elements to 0 at random in training; nothing in evaluation.",
        .optional("probability", default: 0.5, "share of the elements"), returns: "module"
      ) { probability in try DropoutLayer(probability) as Module },
      Function(
        "flatten", "All dimensions after the first in one: [N, ...] to [N, features].", returns: "module"
      ) {
        FlattenLayer() as Module
      },
    ]
  }

  private static var pooling: [Function] {
    [
      Function(
        "max_pool2d", "The largest element under a sliding window.",
        .required("kernel", Size2d.self, "size of the window"),
        .poolStride, .padding, .dilation, returns: "module"
      ) { kernel, stride, padding, dilation in
        try MaxPool2dLayer(kernel, stride: stride, padding: padding, dilation: dilation) as Module
      },
      Function(
        "avg_pool2d", "The mean of the elements under a sliding window.",
        .required("kernel", Size2d.self, "size of the window"), .poolStride, .padding,
        .option("count_include_pad", default: true, "whether padding counts as zeros in the mean"),
        returns: "module"
      ) { kernel, stride, padding, counted in
        try AvgPool2dLayer(kernel, stride: stride, padding: padding, countIncludePad: counted) as Module
      },
      Function(
        "global_avg_pool2d", "The mean of every channel: [N, C, H, W] to [N, C, 1, 1].", returns: "module"
      ) {
        GlobalAvgPool2dLayer() as Module
      },
    ]
  }

  private static var activations: [Function] {
    Activation.Function.allCases.map { function in
      LuaHost.Function(
        function.rawValue, "The function \(function.rawValue) of every element, as a layer.",
        returns: "module"
      ) {
        Activation(function) as Module
      }
    }
  }

  private static var containers: [Function] {
    [
      Function(
        "sequential", "Modules one after the other; model[1] is the first.",
        .required("modules", [Module].self, "in the order they run"), returns: "module"
      ) { modules in Sequential(modules) as Module },
      Function(
        "residual", "activation(body(x) + shortcut(x)).",
        .required("body", Module.self, "the path with the weights"),
        .option("shortcut", Module?.self, "x itself where left out"),
        .option("activation", Module?.self, "nothing where left out"), returns: "module"
      ) { body, shortcut, activation in Residual(body, shortcut: shortcut, activation: activation) as Module
      },
    ]
  }
}

extension Param where Value == Bool {
  fileprivate static var bias: Param { .option("bias", default: true, "whether it has one") }
}

extension Param where Value == Double {
  fileprivate static var epsilon: Param { .option("eps", default: 1e-5, "added to the variance") }
}

extension Param where Value == Size2d {
  fileprivate static var dilation: Param {
    .option("dilation", default: Size2d(1), "distance of neighbouring taps")
  }
}

extension Param where Value == Padding2d {
  fileprivate static var padding: Param {
    .option(
      "padding", default: Padding2d(0), "around the image: n, {height, width} or {top, left, bottom, right}")
  }
}

extension Param where Value == Size2d? {
  fileprivate static var poolStride: Param {
    .option("stride", Size2d?.self, "step of the window; the kernel if left out")
  }
}
