import Tensors

extension Pass {
  /// Removes dropout and the ends of gradients, which do nothing outside of training. Keeps the function the graph
  /// computes in evaluation.
  public static let removeIdentities = Pass("remove_identities") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), op is Dropout || op is Identity else { continue }
      graph.replaceUses(of: id, with: reads[0])
      report.matched.append(graph[id].name)
    }
  }
}
