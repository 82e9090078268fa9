import LuaHost
import Models
import Tensors

/// `qs.nn`: layers and containers.
enum LayerLibrary {
  static var library: Library {
    Library(
      "qs.nn", "Layers and containers. Sizes are positional, everything else is an option.",
      layers + convolutions + RecurrentLayer.constructors + normalizations + pooling + resizing + activations
        + containers + [ScriptedModule.function])
  }

  private static var layers: [Function] {
    [
      Function(
        "linear", "y = x W^T + b: [..., inputs] to [..., outputs].",
        .required("inputs", Int.self, "features of the input"),
        .required("outputs", Int.self, "features of the result"), .bias, returns: "module"
      ) { inputs, outputs, bias in try LinearLayer(inputs, outputs, bias: bias) as Module },
      Function(
        "multi_head_attention",
        "Self-attention: every position looks at all others, once for each head. [N, T, features] to the same. A second "
          + "input, a mask that broadcasts to [N, heads, T, T], is added to the scores: 0 where to look, -inf where not.",
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
        .option(
          "sparse", default: false,
          "whether its gradient holds only the rows looked up, and optimizers change no others"),
        returns: "module"
      ) { rows, features, sparse in try EmbeddingLayer(rows, features, isSparse: sparse) as Module },
      Function(
        "prelu", "max(x, 0) + weight * min(x, 0), with a learnt weight.",
        .optional("num_parameters", default: 1, "1, or the channels of [N, C, ...] for one each"),
        .option("init", default: 0.25, "the weight at first"), returns: "module"
      ) { parameters, initial in try PReluLayer(parameters, initial: initial) as Module },
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
        "checkpoint",
        "A module whose inner results are computed again on the way back instead of kept: less memory, more time.",
        .required("module", Module.self, "what to keep nothing of"), returns: "module"
      ) { module in Checkpoint(module) as Module },
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
