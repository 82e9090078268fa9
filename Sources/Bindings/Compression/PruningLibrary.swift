import Compression
import LuaHost
import Models

extension MagnitudePruning.Scope: LuaEnum {}

/// `qs.pruning`: the pieces under `qs.prune`.
enum PruningLibrary {
  static var library: Library {
    Library(
      "qs.pruning", "The pieces under qs.prune.",
      [
        Function(
          "magnitude",
          "Sets the weights of the smallest magnitude to zero and keeps them there. Returns what became of "
            + "each weight: a list of {path, zeros, count}.",
          .required("model", Module.self, "pruned in place"),
          .requiredOption("sparsity", Double.self, "share of zeros to reach, from 0 to below 1"),
          .option(
            "scope", default: MagnitudePruning.Scope.layer,
            "the same share in every layer, or one threshold for all"),
          .option("skip", default: [String](), "paths of layers or weights to leave alone"),
          returns: "table[]"
        ) { model, sparsity, scope, skip in
          try MagnitudePruning.apply(to: model, sparsity: sparsity, scope: scope, skip: Set(skip)).map {
            outcome in
            LuaTable([
              "path": .string(outcome.path), "zeros": .int(outcome.zeros), "count": .int(outcome.count),
            ])
          }
        },
        Function(
          "sparsity", "The share of zeros among a model's weights.",
          .required("model", Module.self, "any module")
        ) { model in
          let count = model.parameterCount
          return count == 0 ? 0 : 1 - Double(try model.nonZeroCount()) / Double(count)
        },
      ])
  }
}
