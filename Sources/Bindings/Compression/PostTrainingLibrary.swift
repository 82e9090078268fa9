import Compression
import LuaHost
import Models
import Tensors

extension WeightObserver: LuaEnum {}
extension BiasCorrection.Method: LuaEnum {}

/// Samples as scripts give them: a data set, or a list of batches, each a list of the graph's inputs.
typealias CalibrationArgument = OneOf<DatasetObject, [[Tensor]]>

extension OneOf where First == DatasetObject, Second == [[Tensor]] {
  func batches(of size: Int) -> CalibrationBatches {
    switch self {
    case .first(let set):
      CalibrationBatches {
        let batches = try Batches(set.data, size: size)
        return { try batches.next().map { [$0.inputs] } }
      }
    case .second(let list):
      CalibrationBatches {
        var left = list.makeIterator()
        return { left.next() }
      }
    }
  }

  /// Batches of the first samples: of a list all that hold some of them.
  func first(_ samples: Int, size: Int) throws -> [[Tensor]] {
    let next = try batches(of: min(size, samples)).pass()
    var (found, seen): ([[Tensor]], Int) = ([], 0)
    while seen < samples, let batch = try next() {
      found.append(batch)
      seen += batch.first.map { $0.rank > 0 ? $0.shape[0] : 1 } ?? 0
    }
    return found
  }

  /// How many samples there are.
  var count: Int {
    switch self {
    case .first(let set): set.data.count
    case .second(let list): list.reduce(0) { $0 + ($1.first.map { $0.rank > 0 ? $0.shape[0] : 1 } ?? 0) }
    }
  }
}

/// The part of `qs.quantization` that changes the weights of a float graph before it is quantized. Each function answers
/// another graph; weights that were rounded keep their codes when the graph is quantized.
enum PostTrainingLibrary {
  static var functions: [Function] { [prepare, round, gptq, adaround, awq, hqq] + rescaling + diagnosis }

  private static var prepare: Function {
    Function(
      "prepare",
      "Another graph without dropout, and with batch norm folded, as layers are quantized; of a graph of qs.qat what it "
        + "was trained to be.", .graph
    ) { graph in try StaticQuantization.float(of: graph) ?? graph.preparedForQuantization() }
  }

  // MARK: Rounding

  private static var round: Function {
    Function(
      "round", "Puts the weights on their grids, each number on the nearest point.", .graph, .weights,
      .layers, .observer
    ) { graph, weights, layers, observer in
      try RoundToNearest(WeightPlan(weights, layers: layers.rules, observer: observer))(graph)
    }
  }

  private static var gptq: Function {
    Function(
      "gptq",
      "Rounds the weights column by column, each time moving the others to make up for the error in the layers' results "
        + "(Frantar et al. 2022).", .graph, .calibration, .weights, .layers, .observer, .batchSize,
      .option(
        "damping", default: 0.01, "share of the mean of the Hessian's diagonal that is added to it", .share),
      .option("act_order", default: false, "columns of large inputs first"),
      .option("sequential", default: false, "each layer sees what the rounded ones before it give; slower"),
      .progress
    ) { graph, data, weights, layers, observer, size, damping, actOrder, sequential, progress in
      let method = GPTQ(damping: damping, actOrder: actOrder)
      return try method(
        graph, WeightPlan(weights, layers: layers.rules, observer: observer),
        calibration: data.batches(of: size), sequential: sequential, progress: progress.report)
    }
  }

  private static var adaround: Function {
    Function(
      "adaround", "Learns for each weight whether to round it up or down (Nagel et al. 2020).", .graph,
      .calibration,
      .weights, .layers, .observer, .batchSize,
      .option("iterations", default: 1000, "steps of learning for each layer", .positive),
      .option("lr", default: 0.01, "learning rate"),
      .option("regularization", default: 1.0, "weight of the term that pushes towards up or down"),
      .option(
        "asymmetric", default: false, "compares behind relu, with inputs of the rounded layers before; slower"
      ),
      .progress
    ) {
      graph, data, weights, layers, observer, size, iterations, rate, regularization, asymmetric, progress in
      let method = AdaRound(
        iterations: iterations, learningRate: rate, regularization: regularization, asymmetric: asymmetric)
      return try method(
        graph, WeightPlan(weights, layers: layers.rules, observer: observer),
        calibration: data.batches(of: size),
        progress: progress.report)
    }
  }

  private static var awq: Function {
    Function(
      "awq",
      "Makes channels of large activations larger in the weights, clips, and rounds (Lin et al. 2023). Also returns the "
        + "float graph with those channels.", .graph,
      .calibration, .weights, .layers, .observer, .batchSize,
      .option("ratios", default: 20, "powers of the activations that are tried", .positive),
      .option("clip", default: true, "whether ranges of weights are clipped"),
      .option("insert", default: true, "whether a multiplication may be put in front of layers"), .progress,
      returns: "graph, graph"
    ) { graph, data, weights, layers, observer, size, ratios, clip, insert, progress in
      let (rounded, float) = try AWQ(ratios: ratios, clips: clip, inserts: insert)(
        graph, WeightPlan(weights, layers: layers.rules, observer: observer),
        calibration: data.batches(of: size),
        progress: progress.report)
      return LuaResults(rounded, float)
    }
  }

  private static var hqq: Function {
    Function(
      "hqq",
      "Chooses zero points and scales by half-quadratic minimisation, with no data (Badri and Shaji 2023).",
      .graph, .weights, .layers, .option("p", default: 0.7, "of the p-norm that is minimised", .share),
      .option("iterations", default: 20, "turns at most", .notNegative)
    ) { graph, weights, layers, p, iterations in
      try HQQ(p: p, iterations: iterations)(graph, WeightPlan(weights, layers: layers.rules))
    }
  }

  // MARK: Rescaling

  private static var rescaling: [Function] {
    [
      Function(
        "smoothquant",
        "Moves the spread of activations into the weights that read them, where a layer norm or layer can take the "
          + "factors (Xiao et al. 2022).", .graph, .calibration, .batchSize,
        .option("alpha", default: 0.5, "how much of it moves, 0 to 1"), .progress
      ) { graph, data, size, alpha, progress in
        let method = SmoothQuant(alpha: alpha)
        return try method(graph, calibration: data.batches(of: size), progress: progress.report)
      },
      Function(
        "equalize", "Makes the ranges of neighbouring layers' channels alike (Nagel et al. 2019).", .graph,
        .option("rounds", default: 20, "at most", .positive)
      ) { graph, rounds in try CrossLayerEqualization(rounds: rounds)(graph) },
      Function(
        "correct_bias",
        "Takes the mean error that rounded weights leave out of the biases (Nagel et al. 2019).",
        .required(
          "graph", Graph.self, "in float: with its batch norms for \"analytic\", else as it was rounded"),
        .required("rounded", Graph.self, "what became of it"),
        .option("calibration", CalibrationArgument?.self, "samples, for \"empirical\""), .batchSize,
        .option("method", default: BiasCorrection.Method.empirical, "by data, or from batch norms"), .progress
      ) { graph, rounded, data, size, method, progress in
        guard method == .empirical else { return try BiasCorrection()(graph, rounded: rounded) }
        guard let data else {
          throw ShapeError("correct_bias", "option 'calibration' is missing: a few hundred samples")
        }
        return try BiasCorrection()(
          graph, rounded: rounded, calibration: data.batches(of: size), progress: progress.report)
      },
    ]
  }

  // MARK: Diagnosis

  private static var diagnosis: [Function] {
    [
      Function(
        "layer_errors",
        "What quantizing did to each layer, worst first; qs.quantization.diagnose prints it. {sqnr, layers = {{layer, op, "
          + "sqnr, cosine, clipped, dead_range, gain, cause, text, remedy}}}.",
        .required("float", Graph.self, "from qs.quantization.prepare"),
        .required("quantized", Graph.self, "what became of it"), .calibration,
        .option(
          "samples", default: 32, "of the data to look at, at most; fewer for large networks", .positive)
      ) { float, quantized, data, samples in
        let affordable = try QuantizationDiagnosis.affordableSamples(float, samples)
        guard let batch = try data.batches(of: affordable).first() else {
          throw ShapeError("diagnose", "there is no data; give a few samples")
        }
        let part = try QuantizationDiagnosis.first(affordable, of: batch, float)
        return try QuantizationDiagnosis(float: float, quantized: quantized, part).table
      },
      Function(
        "check_calibration", "What is odd about calibration data, a sentence each, with the remedy.",
        .required("graph", Graph.self, "as it was captured, with its batch norms"), .calibration, .batchSize
      ) { graph, data, size in
        try CalibrationCheck(graph, data.batches(of: size), samples: data.count).problems
      },
    ]
  }
}

extension QuantizationDiagnosis {
  fileprivate var table: LuaTable {
    LuaTable(["sqnr": .number(sqnr), "layers": .table(LuaTable(items: layers.map { .table($0.table) }))])
  }
}

extension QuantizationDiagnosis.Layer {
  fileprivate var table: LuaTable {
    var table = LuaTable([
      "layer": .string(name), "op": .string(op), "sqnr": .number(sqnr), "cosine": .number(cosine),
      "clipped": .number(clipped), "dead_range": .number(deadRange), "gain": .number(gain),
    ])
    if let finding {
      table["cause"] = .string(finding.cause.rawValue)
      table["text"] = .string(finding.text)
      table["remedy"] = .string(finding.remedy)
    }
    return table
  }
}

extension Optional where Wrapped == LuaFunction {
  /// A script's function that is told of progress; calling it lets an interrupt through.
  fileprivate var report: LayerProgress {
    { done, total, layer in try self?.call(done, total, layer) }
  }
}

extension Param where Value == Graph {
  fileprivate static var graph: Param { .required("graph", Graph.self, "from qs.capture; it is not changed") }
}

extension Param where Value == CalibrationArgument {
  fileprivate static var calibration: Param {
    .required(
      "calibration", CalibrationArgument.self,
      "a few hundred samples like those to come; or a list of batches, each a list of the graph's inputs")
  }
}

extension Param where Value == WeightScheme {
  fileprivate static var weights: Param {
    .option("weights", default: WeightScheme(), "how they are rounded")
  }
}

extension Param where Value == WeightObserver {
  fileprivate static var observer: Param {
    .option("observer", default: WeightObserver.minmax, "how the scales of weights are chosen")
  }

  static var weightObserver: Param {
    .option(
      "weight_observer", default: WeightObserver.minmax,
      "how the scales of weights are chosen that have none yet")
  }
}

extension Param where Value == Int {
  fileprivate static var batchSize: Param {
    .option("batch_size", default: 64, "samples run together", .positive)
  }
}

extension Param where Value == LuaFunction? {
  fileprivate static var progress: Param {
    .option(
      "progress", LuaFunction?.self, "called with the number of layers done, of all, and the layer's name")
  }
}

extension Rule where Value == Double {
  fileprivate static var share: Rule { Rule("be above 0 and at most 1") { $0 > 0 && $0 <= 1 } }
}
