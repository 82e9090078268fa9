import Tensors

extension Pass {
  /// Makes linear layers of products with a stored matrix, and of the row of numbers that is added to them: the form in
  /// which exporters write them. Keeps the function the graph computes.
  public static let recognizeLinear = Pass("recognize_linear") { graph, report in
    // Nodes that read one matrix go on sharing it.
    var known: [Graph.ID: Graph.ID] = [:]
    for id in graph.order {
      guard let match = graph.match(.op(MatMul.self, .any("x"), .leaf("weight")), at: id) else { continue }
      let stored = match["weight"]
      guard let weight = graph.leaf(stored), weight.role == .weight, weight.value.rank == 2 else { continue }
      let promises = weight.constraints.compactMap(\.turned)
      guard promises.count == weight.constraints.count else {
        report.refused.append((graph[id].name, "a pass made promises about the rows of its weight"))
        continue
      }
      if known[stored] == nil {
        let turned = Parameter(try weight.value.permuted([1, 0]).contiguous(), role: weight.role)
        turned.value.requiresGrad = weight.value.requiresGrad
        for promise in promises { try turned.constrain(promise) }
        known[stored] = graph.replaceLeaf(stored, of: id, with: turned)
      }
      guard let leaf = known[stored] else { preconditionFailure("it was just made") }
      graph[id].kind = .apply(Linear(), [match["x"], leaf])
      report.matched.append(graph[id].name)
    }
    for id in graph.order {
      guard
        let match = graph.match(
          .op(Add.self, .op(Linear.self, .any("x"), .leaf("weight"), as: "linear"), .leaf("bias")), at: id),
        graph.onlyUser(of: match["linear"]) == id,
        graph[match["bias"]].shape == [graph[match["weight"]].shape[0]]
      else { continue }
      graph[id].kind = .apply(Linear(), [match["x"], match["weight"], match["bias"]])
      graph[id].name = graph[match["linear"]].name
    }
  }
}
