import Models
import Tensors

/// One place of a float graph that becomes one integer op: an op, and the activation fused into it.
struct Site {
  let head: Graph.ID
  /// Where the result is read: the activation's node, or the head.
  let tail: Graph.ID
  let op: any Op
  let float: any Quantizable
  let range: ActivationRange
  /// Whether it gives f32 straight from its sums, as nobody reads bytes from it.
  fileprivate(set) var endsInFloat = false

  /// The places of a graph, in order; what is in none of them stays f32.
  ///
  /// - Parameters:
  ///   - layers: may leave nodes in float, the activation behind them as well.
  ///   - unsupported: what to do with nodes that have no integer form.
  static func all(
    in graph: Graph, layers: LayerRules = [:], unsupported: Unsupported = .refuse
  ) throws -> [Site] {
    try all(in: graph, unsupported: unsupported) { layers.isFloat(graph[$0].name) }
  }

  /// - Parameter isFloat: whether a node is left in float, the activation behind it as well.
  static func all(
    in graph: Graph, unsupported: Unsupported = .refuse, isFloat: (Graph.ID) -> Bool
  ) throws -> [Site] {
    var sites: [Site] = []
    var taken: Set<Graph.ID> = []
    var left: Set<Graph.ID> = []
    for id in graph.order where !taken.contains(id) {
      guard let (op, reads) = graph.operation(id) else { continue }
      let activation = fusedActivation(behind: id, op, graph)
      let refusal = refusal(op, reads, id, graph)
      if let refusal, unsupported == .refuse, !isFloat(id) {
        if op is BatchNorm { throw unfolded(id, graph) }
        throw ShapeError(
          "quantize",
          "node '\(graph[id].name)' (\(op.name)) \(refusal); \(remedy(for: op))leave it in f32 with unsupported = "
            + "\"float\" or layers = {[\"\(graph[id].name)\"] = \"float\"}, or keep it out of the model you quantize"
        )
      }
      // What only moves numbers about moves floats as well.
      let moves = (op as? any Quantizable).map { !$0.definesRange } ?? false
      guard let float = op as? any Quantizable, refusal == nil, !isFloat(id),
        !(moves && left.contains(reads[0]))
      else {
        left.formUnion([id] + (activation.map { [$0.id] } ?? []))
        taken.formUnion(activation.map { [$0.id] } ?? [])
        continue
      }
      sites.append(
        Site(
          head: id, tail: activation?.id ?? id, op: op, float: float,
          range: activation?.range ?? .unbounded))
      taken.formUnion(activation.map { [$0.id] } ?? [])
    }
    for i in sites.indices {
      let site = sites[i]
      sites[i].endsInFloat =
        site.float.canEndInFloat && site.range == .unbounded
        && graph.users(of: site.tail).allSatisfy(left.contains)
    }
    return sites
  }

  /// The relu or clip that can become the op's output range.
  private static func fusedActivation(
    behind id: Graph.ID, _ op: any Op, _ graph: Graph
  ) -> (id: Graph.ID, range: ActivationRange)? {
    let fuses = (op as? any Quantizable)?.fusesActivations ?? (op is Conv2d || op is Linear)
    guard fuses, let user = graph.onlyUser(of: id), let (activation, _) = graph.operation(user),
      let range = ActivationRange(activation)
    else { return nil }
    return (user, range)
  }

  /// Why a node has no integer form, or nil where it has one.
  private static func refusal(_ op: any Op, _ reads: [Graph.ID], _ id: Graph.ID, _ graph: Graph) -> String? {
    guard let float = op as? any Quantizable else { return "has no int8 form" }
    for read in reads.prefix(float.activationCount) {
      if graph.leaf(read) != nil {
        return "reads '\(graph[read].name)', which has no quantized form; only computed activations do"
      }
      if graph[read].dtype != .f32 { return "reads \(graph[read].dtype) numbers" }
    }
    if reads.dropFirst(float.activationCount).contains(where: { graph.leaf($0) == nil }) {
      return float.activationCount < reads.count && !float.quantizesWeights
        ? "reads a computed value where its int8 form has a constant"
        : "has a weight computed from other values"
    }
    do {
      _ = try float.quantized(.trial(of: float, reads, graph)).shape(of: reads.map { graph[$0].shape })
      return nil
    } catch {
      return (error as? ShapeError)?.problem ?? "\(error)"
    }
  }

  /// Says why a batch norm is still there, as the pass that folds them put it.
  private static func unfolded(_ id: Graph.ID, _ graph: Graph) -> ShapeError {
    let name = graph[id].name
    let reason = graph.log.last { $0.pass == Pass.foldBatchNorm.name }?.refused.first { $0.node == name }?
      .reason
    return ShapeError(
      "quantize",
      "batch norm '\(name)' could not be folded (\(reason ?? "graph:fold_batch_norm() was not tried")); put it right behind "
        + "a convolution or linear layer that nothing else reads")
  }

  /// What may help a node of this kind, before what helps any.
  private static func remedy(for op: any Op) -> String {
    switch op {
    case is LSTM:
      "make the layer with batch_first, and let it start from zero states and nobody read the last ones; or "
    case is GRU: "use an lstm, or "
    case is Transpose:
      "programs keep the batch first and channels last; make recurrent layers with batch_first, or "
    default: ""
    }
  }

  /// Whether it reads weights that become integers.
  func hasWeights(in graph: Graph) -> Bool { Self.hasWeights(float, head, in: graph) }

  static func hasWeights(_ op: any Quantizable, _ id: Graph.ID, in graph: Graph) -> Bool {
    op.quantizesWeights && (graph.operation(id)?.inputs.count ?? 0) > op.activationCount
  }
}

extension [Site] {
  /// The values that get parameters of their own: what sites read that is f32 (inputs among it), and their results.
  func valuesOnGrids(of graph: Graph) -> [Graph.ID] {
    let results = Set(map(\.tail))
    var found: Set<Graph.ID> = []
    for site in self {
      for read in (graph.operation(site.head)?.inputs ?? []).prefix(site.float.activationCount)
      where !results.contains(read) { found.insert(read) }
      if site.float.definesRange && !site.endsInFloat { found.insert(site.tail) }
    }
    return graph.order.filter(found.contains)
  }
}

extension Calibrated {
  /// Numbers that make sense, to learn whether there is an integer form for these shapes.
  fileprivate static func trial(of float: any Quantizable, _ reads: [Graph.ID], _ graph: Graph) -> Calibrated
  {
    let grid = QuantParams(symmetric: 1)
    let count = Swift.min(float.activationCount, reads.count)
    var trial = Calibrated(inputs: [QuantParams](repeating: grid, count: count), inner: [grid], result: grid)
    trial.quantizers = reads.dropFirst(count).prefix(float.weightCount).map {
      WeightQuantizer(scales: [Float](repeating: 1, count: graph[$0].shape.first ?? 1))
    }
    return trial
  }
}

extension ActivationRange {
  /// The range an activation clamps to, where that is all it does.
  init?(_ op: any Op) {
    switch op {
    case is Relu: self = .nonNegative
    case let clip as Clip: self = .clip(min: Float(clip.lowest), max: Float(clip.highest))
    default: return nil
    }
  }
}
