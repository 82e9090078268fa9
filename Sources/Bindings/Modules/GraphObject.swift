import Foundation
import LuaHost
import Models
import Tensors

extension Graph {
  static var properties: [Property] {
    [
      training, inputLayout,
      Property("nodes", "The nodes in order: a list of {name, op, shape}.", type: "table[]") { (g: Graph) in
        g.nodeTables
      },
      Property("log", "What the passes applied so far did, a line each.") { (g: Graph) in
        g.log.map(\.description)
      },
      Property("warnings", "What these passes did that may not be what was wanted, a sentence each.") {
        (g: Graph) in g.log.flatMap(\.warnings)
      },
    ]
  }

  private var nodeTables: [LuaTable] {
    order.map { id in
      let node = self[id]
      let op: String
      switch node.kind {
      case .input: op = "input"
      case .leaf: op = "leaf"
      case .apply(let operation, _): op = operation.name
      }
      return LuaTable([
        "name": .string(node.name), "op": .string(op), "dtype": .string(node.dtype.rawValue),
        "shape": .table(LuaTable(items: node.shape.map(LuaValue.int))),
      ])
    }
  }

  static var graphMethods: [Function] {
    [
      Function(
        "fold_batch_norm", "Folds every batch norm into the layer that feeds it. Returns the graph.", .graph
      ) { g in
        try g.apply(.foldBatchNorm)
        return g
      },
      Function("remove_identities", "Removes what does nothing in evaluation, such as dropout.", .graph) {
        g in
        try g.apply(.removeIdentities)
        return g
      },
      Function("dot", "The graph in Graphviz's language, as text.", .graph) { g in g.dot() },
      Function("svg", "A drawing of the graph, as text to write to an .svg file.", .graph) { g in g.svg() },
      Function(
        "simplify",
        "Folds constants, computes once what is computed alike, cancels moves, and recognizes linear layers, gelu, layer "
          + "norms and attention where they are spelled out. Returns the graph; graph.log tells what was found.",
        .graph
      ) { g in
        for pass in Pass.simplifying { try g.apply(pass) }
        return g
      },
      Function(
        "open",
        "Says which dimensions may have any extent, in files too; else only the first of each input may. Returns the graph.",
        .graph,
        .rest(
          "names", [String].self, "for each input a list, such as {\"batch\", \"length\"}; \"\" stays fixed")
      ) { g, names in
        try g.open(names.map { $0.map { $0.isEmpty ? nil : $0 } })
        return g
      },
      Function(
        "freeze",
        "From now on training leaves running statistics (batch norm) and observed ranges as they are, and computes with "
          + "them as evaluation does. Returns the graph.", .graph
      ) { g in
        g.freezeStatistics()
        return g
      },
      Function("copy", "The same nodes and parameters in another graph.", .graph) { g in g.copy() },
    ]
  }

  /// `qs.capture`.
  static var functions: [Function] {
    [
      Function(
        "capture",
        "Runs a module once, in evaluation mode, and keeps the operations it made as a graph. Choices that "
          + "depend on values stay as they fell for the example; a warning names the lines that read some.",
        .required("module", Module.self, "what to capture"), .rest("inputs", Tensor.self, "an example"),
        returns: "graph"
      ) { module, inputs in
        try require(!inputs.isEmpty, "capture", "needs an example input after the module")
        return try capture(module, inputs)
      }
    ]
  }

  /// A graph of the module, with a warning on standard error for each line of the script that reads values.
  static func capture(_ module: Module, _ inputs: [Tensor]) throws -> Graph {
    var lines: [String] = []
    let graph = try Graph(capturing: module, inputs) {
      let line = ScriptPosition.current
      if !lines.contains(line) { lines.append(line) }
    }
    for line in lines {
      let warning =
        "\(line): warning: reads values of a tensor while the graph is captured; "
        + "what the script does with them stays as it is for the example\n"
      FileHandle.standardError.write(Data(warning.utf8))
    }
    return graph
  }
}

extension Param where Value == Graph {
  fileprivate static var graph: Param { .receiver(Graph.self) }
}
