import Models
import Tensors

/// What training found: a graph without grids, with weights on theirs, and the grids of values by the node they were
/// behind.
struct TrainedGrids {
  let graph: Graph
  private(set) var params: [Graph.ID: QuantParams] = [:]
  /// Nodes whose ops were trained to become integer ones.
  private let trained: Set<String>

  /// nil where the graph holds no grids.
  init?(_ trained: Graph) throws {
    for id in trained.order {
      guard let (op, reads) = trained.operation(id), let grid = op as? any ActivationGrid else { continue }
      params[reads[0]] = grid.params(reads.dropFirst().compactMap { trained.leaf($0)?.value })
    }
    guard !params.isEmpty else { return nil }
    self.trained = Set(
      trained.log.filter { $0.pass == QuantizationAwareTraining.passName }.flatMap(\.matched))
    graph = trained.copy()
    try graph.apply(Self.roundWeights)
    try graph.apply(Self.removeActivationGrids)
  }

  /// Whether a node was left in float, in training as well.
  func isFloat(_ id: Graph.ID) -> Bool { !trained.contains(graph[id].name) }

  /// Clips in place of the grids whose bounds are a part of what was trained, and not only of how it is rounded.
  ///
  /// To be called before the grids are gone: it changes the graph that training left.
  static func keepClips(_ trained: Graph) throws -> Graph {
    let graph = trained.copy()
    try graph.apply(
      Pass("keep_clips") { graph, report in
        for id in graph.order {
          guard let (op, reads) = graph.operation(id), let grid = op as? any ActivationGrid, grid.clips
          else { continue }
          let params = grid.params(reads.dropFirst().compactMap { graph.leaf($0)?.value })
          let clip = Clip(Double(params.dequantize(params.lowest)), Double(params.dequantize(params.highest)))
          if graph.operation(reads[0])?.op is Relu {
            graph[reads[0]].kind = .apply(clip, graph.operation(reads[0])?.inputs ?? [])
            graph.replaceUses(of: id, with: reads[0])
          } else {
            graph[id].kind = .apply(clip, [reads[0]])
          }
          report.matched.append(graph[id].name)
        }
      })
    return graph
  }

  private static let removeActivationGrids = Pass("remove_fake_quantize") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), op is any ActivationGrid else { continue }
      graph.replaceUses(of: id, with: reads[0])
      report.matched.append(graph[id].name)
    }
  }

  /// Puts the rounded weights in place of those in full precision, with the promise of their grid: whatever scales them
  /// later leaves their integers what they are.
  private static let roundWeights = Pass("round_weights") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), let grid = op as? any WeightGrid,
        let weight = graph.leaf(reads[0])
      else { continue }
      let leaves = reads.dropFirst().compactMap { graph.leaf($0)?.value }
      let rounded = try Tape.withoutGradients { try grid.apply([weight.value] + leaves).copy() }
      let promised = try weight.replaced(by: rounded)
      try promised.constrain(grid.quantizer(weight.value, leaves))
      graph.replaceUses(of: id, with: graph.replaceLeaf(reads[0], of: id, with: promised))
      report.matched.append(graph[id].name)
    }
  }

  /// Folding a batch norm leaves its result to the op before it.
  mutating func foldBatchNorm() throws {
    let before = graph.copy()
    try graph.apply(.foldBatchNorm)
    for (id, entry) in params where !graph.order.contains(id) {
      if let (_, reads) = before.operation(id) { params[reads[0]] = entry }
    }
  }
}
