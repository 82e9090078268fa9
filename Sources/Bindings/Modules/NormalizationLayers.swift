import LuaHost
import Models
import Tensors

extension LayerLibrary {
  static var normalizations: [Function] {
    [
      batchNorm("batch_norm1d", "sequences [N, channels, L]", dimensions: 1),
      batchNorm("batch_norm2d", "images [N, channels, H, W]", dimensions: 2),
      Function(
        "layer_norm", "Normalisation over the last dimensions of each sample.",
        .required("shape", OneOf<Int, [Int]>.self, "extents of the dimensions normalised together"), .epsilon,
        returns: "module"
      ) { shape, epsilon in try LayerNormLayer([shape].flat, epsilon: epsilon) as Module },
      Function(
        "group_norm", "Normalisation of each sample [channels, ...] over groups of neighbouring channels.",
        .required("groups", Int.self, "how many"), .channels, .epsilon, .affine(true), returns: "module"
      ) { groups, channels, epsilon, affine in
        try GroupNormLayer(groups: groups, channels, epsilon: epsilon, affine: affine) as Module
      },
      instanceNorm("instance_norm1d", "sequences [N, channels, L]", dimensions: 1),
      instanceNorm("instance_norm2d", "images [N, channels, H, W]", dimensions: 2),
    ]
  }

  private static func batchNorm(_ name: String, _ input: String, dimensions: Int) -> Function {
    Function(
      name, "Batch normalisation of \(input) or rows [N, channels].", .channels, .epsilon,
      .option("momentum", default: 0.1, "share of each batch in the running statistics"), returns: "module"
    ) { channels, epsilon, momentum in
      try BatchNormLayer(channels, dimensions: dimensions, epsilon: epsilon, momentum: momentum) as Module
    }
  }

  private static func instanceNorm(_ name: String, _ input: String, dimensions: Int) -> Function {
    Function(
      name, "Normalisation of each channel of each sample of \(input).", .channels, .epsilon, .affine(false),
      .option(
        "track_running_stats", default: false, "keep running statistics in training and evaluate with them"),
      .option("momentum", default: 0.1, "share of each batch in the running statistics"), returns: "module"
    ) { channels, epsilon, affine, track, momentum in
      try InstanceNormLayer(
        channels, dimensions: dimensions, epsilon: epsilon, affine: affine, trackRunningStatistics: track,
        momentum: momentum) as Module
    }
  }
}

extension Param where Value == Bool {
  fileprivate static func affine(_ standard: Bool) -> Param {
    .option("affine", default: standard, "whether it has a weight and a bias for each channel")
  }
}
