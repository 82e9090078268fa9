import Deployment
import LuaHost
import Tensors

/// `program:profile` and `program:bench`.
extension Program {
  static var measures: [Function] {
    [
      Function(
        "profile",
        "Measures every step in the running program, on one thread: a list of {layer, kind, macs, microseconds, gops, "
          + "peak_share, bytes, fp32_microseconds}, for the whole batch. macs, gops and peak_share are left out where a "
          + "step does not multiply, fp32_microseconds (the same layer in fp32) where there is nothing to compare.",
        .receiver(Program.self),
        .required("input", OneOf<Tensor, [Tensor]>.self, "f32 [N, ...], or a list of inputs"), .budget,
        returns: "table[]"
      ) { program, x, seconds in
        let profile =
          switch x {
          case .first(let x): try program.profile(x, budget: seconds)
          case .second(let inputs): try program.profile(inputs, budget: seconds)
          }
        return profile.layers.map { row(of: $0, peak: profile.peakGops) }
      },
      Function(
        "bench",
        "Runs a batch of random numbers again and again: {batch, threads, runs, median, least, p90} in seconds, and "
          + "samples per second at the median (throughput).", .receiver(Program.self),
        .option("batch", default: 1, "samples in a run", .positive),
        .option("threads", default: 1, "that share a batch", .positive), .budgetOption, returns: "table"
      ) { program, batch, threads, seconds in
        let result = try program.benchmark(batch: batch, threads: threads, budget: seconds)
        return LuaTable([
          "batch": .int(batch), "threads": .int(threads), "runs": .int(result.samples.count),
          "median": .number(result.median), "least": .number(result.least),
          "p90": .number(result.percentile90),
          "throughput": .number(result.throughput),
        ])
      },
    ]
  }

  private static func row(of layer: Profile.Layer, peak: Double?) -> LuaTable {
    var row = LuaTable([
      "layer": .string(layer.name), "kind": .string(layer.kind), "bytes": .int(layer.bytes),
      "microseconds": .number(1e6 * layer.seconds),
    ])
    if layer.macs > 0 {
      row["macs"] = .int(layer.macs)
      row["gops"] = .number(layer.gops)
      row["peak_share"] = peak.map { .number(layer.gops / $0) }
    }
    row["fp32_microseconds"] = layer.floatSeconds.map { .number(1e6 * $0) }
    return row
  }
}

extension Param where Value == Double {
  fileprivate static var budget: Param { .optional("seconds", default: 0.5, "to spend") }
  fileprivate static var budgetOption: Param { .option("seconds", default: 0.5, "to spend") }
}
