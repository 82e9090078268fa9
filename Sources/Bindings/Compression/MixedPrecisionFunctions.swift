import Compression
import LuaHost
import Models
import Tensors

/// `qs.quantization.sensitivity` and `qs.quantization.allot`: the pieces under `qs.quantization.mixed`.
enum MixedPrecisionFunctions {
  static var all: [Function] { [sensitivity, allot] }

  private static var sensitivity: Function {
    Function(
      "sensitivity",
      "What rounding each convolution's and linear layer's weights alone does to a model: a list of {layer, scheme, "
        + "bytes, sqnr, divergence, weight_noise, bend} (scheme counts those given; sqnr in decibels and divergence in "
        + "nats of the output; bend: that divergence as the trace of its Hessian foretells it), and a list of {layer, "
        + "bytes, trace} as they are in float.",
      .required("graph", Graph.self, "from qs.capture, in f32"),
      .required(
        "data", CalibrationArgument.self,
        "samples like those to come, or a list of batches, each a list of inputs"),
      .requiredOption("schemes", [WeightScheme].self, "each as the weights of qs.quantize"),
      .layers, .option("samples", default: 256, "of the data to look at", .positive),
      .option("batch_size", default: 64, "samples run together", .positive),
      .option(
        "hessian", default: 0,
        "random vectors to estimate each layer's trace with; none: without bend and trace",
        .notNegative), returns: "table[], table[]"
    ) { graph, data, schemes, layers, samples, size, draws in
      let result = try Sensitivity(
        graph, schemes: schemes, layers: layers.rules, batches: data.first(samples, size: size),
        hessian: draws > 0 ? HessianTrace(draws: draws) : nil)
      return LuaResults(
        result.rows.map { row in
          var table = LuaTable([
            "layer": .string(row.layer), "scheme": .int(row.scheme + 1), "bytes": .int(row.bytes),
            "sqnr": .number(row.sqnr), "divergence": .number(row.divergence),
            "weight_noise": .number(row.weightNoise),
          ])
          table["bend"] = row.bend.map { .number($0) }
          return table
        },
        result.layers.map {
          var table = LuaTable(["layer": .string($0.name), "bytes": .int($0.floatBytes)])
          table["trace"] = $0.trace.map { .number($0) }
          return table
        })
    }
  }

  private static var allot: Function {
    Function(
      "allot",
      "One choice for each item, with least total loss at no more than a total cost (a multiple-choice knapsack, solved "
        + "exactly): the number of each item's choice, then their total cost and loss.",
      .required("items", [[[String: Double]]].self, "for each item a list of {cost = ..., loss = ...}"),
      .required("budget", Double.self, "for all together"), returns: "integer[], number, number"
    ) { items, budget in
      let choices = try items.map { try $0.map(choice) }
      let result = try Allotment(choices, budget: budget)
      return LuaResults(result.picks.map { $0 + 1 }, result.cost, result.loss)
    }
  }

  private static func choice(_ fields: [String: Double]) throws -> Allotment.Choice {
    guard let cost = fields["cost"], let loss = fields["loss"], fields.count == 2 else {
      throw LuaError("allot: each choice needs the fields cost and loss, and no others")
    }
    return Allotment.Choice(cost: cost, loss: loss)
  }
}
