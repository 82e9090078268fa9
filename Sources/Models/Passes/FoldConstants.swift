import Tensors

extension Pass {
  /// Computes now what depends on constants alone; weights are none. Keeps the function the graph computes.
  public static let foldConstants = Pass("fold_constants") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), !reads.isEmpty else { continue }
      let constants = reads.compactMap { graph.leaf($0) }.filter { $0.role == .constant }
      guard constants.count == reads.count else { continue }
      let value = try Tape.withoutGradients { try op.apply(constants.map(\.value)) }
      graph[id].kind = .leaf(Parameter(value, role: .constant))
      report.matched.append(graph[id].name)
    }
  }
}
