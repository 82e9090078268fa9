import Models
import Tensors

extension Graph {
  /// Brings sequences to the form in which programs hold them, where there are recurrent layers or positions to choose.
  func recognizeSequences() throws {
    if try !apply(.recognizeSequences).matched.isEmpty { try apply(.cancelMoves) }
  }
}

extension Pass {
  /// Makes recurrent layers of captured ones that read and give sequences batch first, which is how programs hold
  /// them, and one op of choosing a position. Keeps the function the graph computes. LSTM only, from zero states.
  static let recognizeSequences = Pass("recognize_sequences") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id) else { continue }
      if let lstm = op as? LSTM, isWholeSequence(id, reads, graph) {
        turn(lstm, id, reads, graph)
        report.matched.append(graph[id].name)
      } else if let concat = op as? Concat, concat.axis == 2, let sources = turned(reads, graph) {
        concatenateBatchFirst(concat, id, sources, graph)
      } else if let index = selectedPosition(op, reads, graph) {
        guard let (_, from) = graph.operation(reads[0]) else { continue }
        graph[id].kind = .apply(SelectPosition(index), [from[0]])
        report.matched.append(graph[id].name)
      }
    }
  }

  private static let swap = Transpose([1, 0, 2])

  private static func swapped(_ shape: Shape) -> Shape { [shape[1], shape[0], shape[2]] }

  /// Whether no state is given or read.
  private static func isWholeSequence(_ id: Graph.ID, _ reads: [Graph.ID], _ graph: Graph) -> Bool {
    guard reads.count == 3 || (reads.count == 5 && graph[reads[3]].shape.rank == 1),
      !graph.outputs.contains(id)
    else { return false }
    let steps = graph[reads[0]].shape[0]
    return graph.users(of: id).allSatisfy { user in
      guard let slice = graph.operation(user)?.op as? Slice else { return false }
      return slice.axis == 0 && slice.start == 0 && slice.step == 1 && slice.count == steps
    }
  }

  private static func turn(_ lstm: LSTM, _ id: Graph.ID, _ reads: [Graph.ID], _ graph: Graph) {
    let users = graph.users(of: id)
    let x = graph[reads[0]]
    let batchFirst = graph.add(
      graph[id].name + ".batch_first", .apply(swap, [reads[0]]), shape: swapped(x.shape), dtype: x.dtype,
      before: id)
    graph[id].kind = .apply(SequenceLSTM(reversed: lstm.isReversed), [batchFirst] + reads.dropFirst())
    let shape = graph[id].shape
    graph[id].shape = [shape[1], shape[0] - 1, shape[2]]
    for user in users { graph[user].kind = .apply(swap, [id]) }
  }

  /// What transpositions of the first two dimensions were made of, where all of these are such.
  private static func turned(_ reads: [Graph.ID], _ graph: Graph) -> [Graph.ID]? {
    let sources = reads.compactMap { read -> Graph.ID? in
      guard let (op, from) = graph.operation(read), let move = op as? Transpose,
        move.permutation == swap.permutation
      else { return nil }
      return from[0]
    }
    return sources.count == reads.count ? sources : nil
  }

  /// Two directions of a layer.
  private static func concatenateBatchFirst(
    _ concat: Concat, _ id: Graph.ID, _ sources: [Graph.ID], _ graph: Graph
  ) {
    let (node, users) = (graph[id], graph.users(of: id))
    graph[id].kind = .apply(concat, sources)
    graph[id].shape = swapped(node.shape)
    let back = graph.add(
      node.name + ".back", .apply(swap, [id]), shape: node.shape, dtype: node.dtype, before: users.first)
    graph.replaceUses(of: id, with: back, except: back)
  }

  /// The index of a slice of one position whose dimension is dropped.
  private static func selectedPosition(_ op: any Op, _ reads: [Graph.ID], _ graph: Graph) -> Int? {
    guard let squeeze = op as? Squeeze, squeeze.axis == 1, let (before, _) = graph.operation(reads[0]),
      let slice = before as? Slice, slice.axis == 1, slice.count == 1,
      graph[reads[0]].shape.rank == 3
    else { return nil }
    return slice.start
  }
}
