import Compression
import LuaHost
import Models
import Tensors

/// The observers by the names recipes know.
enum ObserverName: String, CaseIterable, LuaEnum {
  case minmax, percentile, entropy, mse
  case movingAverage = "moving_average"

  func kind(percentile: Double, momentum: Double) -> ObserverKind {
    switch self {
    case .minmax: .minmax
    case .movingAverage: .movingAverage(momentum)
    case .percentile: .percentile(percentile)
    case .entropy: .entropy
    case .mse: .mse
    }
  }
}

extension QuantizationAwareTraining.Method: LuaEnum {}

/// `qs.quantization`: the pieces under `qs.quantize`.
enum QuantizationLibrary {
  static var library: Library {
    Library(
      "qs.quantization", "The pieces under qs.quantize.",
      [staticQuantization, weightQuantization, aware, trained] + MixedPrecisionFunctions.all + numbers
        + PostTrainingLibrary.functions)
  }

  private static var staticQuantization: Function {
    Function(
      "static", "Post-training static quantization: batch norm folded, ranges observed on calibration data.",
      .required("graph", Graph.self, "from qs.capture; it is not changed"),
      .required(
        "calibration", CalibrationArgument.self,
        "a few hundred samples like those to come, or a list of batches, each a list of inputs"),
      .option("batch_size", default: 64, "samples run together", .positive),
      .weights, .weightObserver, .activations, .layers,
      .option("unsupported", default: Unsupported.refuse, "nodes that have no integer form"),
      .option("observer", default: ObserverName.minmax, "how the range of activations is chosen"),
      .option("percentile", default: 99.99, "of the percentile observer", .percentile),
      .option("momentum", default: 0.1, "of the moving average: the share of a new batch", .share)
    ) {
      graph, calibration, size, weights, weightObserver, activations, layers, unsupported, observer,
      percentile,
      momentum in
      let quantize = StaticQuantization(
        observer: observer.kind(percentile: percentile, momentum: momentum),
        weights: weights ?? WeightScheme(), weightObserver: weightObserver,
        activations: activations ?? ActivationScheme(), layers: layers.rules, unsupported: unsupported)
      return try quantize(graph, calibration: try calibration.batches(of: size).pass())
    }
  }

  private static var weightQuantization: Function {
    Function(
      "low_bit",
      "Linear layers and embeddings with weights of few bits; activations stay f32, or get 8 bits row by row as they "
        + "come. Needs no calibration.",
      .required("graph", Graph.self, "from qs.capture; it is not changed"),
      .weights, .weightObserver, .option("dynamic", default: false, "whether activations get 8 bits"), .layers
    ) { graph, weights, observer, dynamic, layers in
      try WeightQuantization(
        weights: weights ?? WeightScheme(), observer: observer, activations: dynamic ? .dynamic : .float,
        layers: layers.rules)(graph)
    }
  }

  private static var aware: Function {
    Function(
      "aware", "A graph to train with weights and activations rounded as integer kernels will see them.",
      .required("graph", Graph.self, "from qs.capture; its parameters are trained"),
      .option("method", default: QuantizationAwareTraining.Method.minmax, "where the grids come from"),
      .option(
        "weights", default: WeightScheme?.none, "how they are rounded; by default as the method has it"),
      .activations,
      .option("edge_bits", default: 8, "bits of the first and the last layer"),
      .layers, .option("unsupported", default: Unsupported.refuse, "nodes that have no integer form"),
      .option("momentum", default: 0.1, "share by which a batch moves the range of an activation"),
      .option("penalty", default: 1e-4, "of the squares of PACT's bounds")
    ) { graph, method, weights, activations, edgeBits, layers, unsupported, momentum, penalty in
      try QuantizationAwareTraining(
        method, weights: weights, activations: activations ?? ActivationScheme(), edgeBits: edgeBits,
        layers: layers.rules, unsupported: unsupported, momentum: momentum, penalty: penalty)(graph)
    }
  }

  private static var trained: Function {
    Function(
      "trained",
      "Integers with the grids found in quantization-aware training, and the float graph they stand for; nil for any "
        + "other graph.",
      .required("graph", Graph.self, "from qs.qat; it is not changed"),
      .option("calibration", CalibrationArgument?.self, "some samples, for networks with attention"),
      .option("batch_size", default: 64, "samples run together", .positive), returns: "graph?, graph?"
    ) { graph, calibration, size in
      let batches = try calibration?.batches(of: size).pass()
      return LuaResults(
        try StaticQuantization()(trained: graph, calibration: batches),
        try StaticQuantization.float(of: graph))
    }
  }

  private static var numbers: [Function] {
    [
      Function(
        "params", "The u8 grid that covers a range, widened to contain 0: {scale = ..., zero_point = ...}.",
        .required("min", Double.self, "lowest value"), .required("max", Double.self, "highest value")
      ) { low, high in
        try require(low <= high, "params", "min \(low) is above max \(high)")
        return QuantParams(covering: Float(low), Float(high))
      },
      Function(
        "observe", "The range that an observer chooses for values: lowest and highest.",
        .required("values", Tensor.self, "f32"), .option("observer", default: ObserverName.minmax, "which"),
        .option("percentile", default: 99.99, "of the percentile observer", .percentile),
        .option("momentum", default: 0.1, "of the moving average: the share of a new batch", .share),
        returns: "number, number"
      ) { values, observer, percentile, momentum in
        let observer = observer.kind(percentile: percentile, momentum: momentum).make()
        try observer.observe(values.cast(to: .f32))
        return LuaResults(observer.range.min, observer.range.max)
      },
    ]
  }
}

extension Unsupported: LuaEnum {}

extension Param where Value == WeightScheme? {
  fileprivate static var weights: Param {
    .option(
      "weights", WeightScheme?.self, "how they are rounded; 8 bits for each output channel, if left out")
  }
}

extension Param where Value == ActivationScheme? {
  fileprivate static var activations: Param {
    .option("activations", ActivationScheme?.self, "how they are rounded; to 8 bits, if left out")
  }
}

extension Rule where Value == Double {
  fileprivate static var share: Rule { Rule("be above 0 and at most 1") { $0 > 0 && $0 <= 1 } }
  fileprivate static var percentile: Rule { Rule("be above 50 and at most 100") { $0 > 50 && $0 <= 100 } }
}
