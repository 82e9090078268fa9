import Tensors

extension Pass {
  /// Merges transposes that follow each other and reshapes that do, and drops those that change nothing. Keeps the
  /// function the graph computes.
  public static let cancelMoves = Pass("cancel_moves") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id) else { continue }
      if let outer = op as? Transpose {
        var (order, source) = (outer.permutation, reads[0])
        while let (inner, from) = graph.operation(source), let inner = inner as? Transpose {
          order = order.map { inner.permutation[$0] }
          source = from[0]
        }
        if order == Array(order.indices) {
          graph.replaceUses(of: id, with: source)
        } else if source != reads[0] {
          graph[id].kind = .apply(Transpose(order), [source])
        } else {
          continue
        }
        report.matched.append(graph[id].name)
      } else if let outer = op as? Reshape, let (inner, from) = graph.operation(reads[0]), inner is Reshape,
        !outer.target.contains(Reshape.keep)
      {
        graph[id].kind = .apply(outer, [from[0]])
        report.matched.append(graph[id].name)
      }
    }
  }
}
