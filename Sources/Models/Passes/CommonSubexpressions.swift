import Tensors

extension Pass {
  /// Computes once what several nodes compute alike: the same op, with the same attributes, of the same values. Keeps
  /// the function the graph computes.
  public static let mergeCommon = Pass("merge_common") { graph, report in
    var known: [String: Graph.ID] = [:]
    for id in graph.order {
      // Dropout draws anew each time, and some ops change their statistics.
      guard let (op, reads) = graph.operation(id), !(op is Dropout), !(op is any StatisticsOp) else {
        continue
      }
      let key = "\(type(of: op)) \(op) \(reads)"
      if let first = known[key] {
        report.matched.append(graph[id].name)
        graph.replaceUses(of: id, with: first)
      } else {
        known[key] = id
      }
    }
  }
}
