import Models
import Tensors

/// Training of a network as its integers will compute it: weights and activations are rounded to their grids
/// forward, gradients pass straight through (Jacob et al., CVPR 2018, section 3).
///
/// Grids lie where static quantization puts them: behind each op with the activation that is fused into it, at
/// the inputs, and on the weights of convolutions and linear layers. Batch norm stays and trains; folding it
/// later does not change the weights' integers.
public struct QuantizationAwareTraining: Sendable {
  public var weights: WeightScheme
  public var activations: ActivationScheme
  /// Share by which a batch moves the range of an activation.
  public var momentum: Double

  public init(
    weights: WeightScheme = WeightScheme(), activations: ActivationScheme = ActivationScheme(),
    momentum: Double = 0.1
  ) {
    (self.weights, self.activations, self.momentum) = (weights, activations, momentum)
  }

  /// A graph to train in place of `graph`, with the same parameters; their ranges are buffers of its own.
  public func callAsFunction(_ graph: Graph) throws -> Graph {
    try require(
      momentum > 0 && momentum <= 1, "qat", "momentum must be above 0 and at most 1 (got \(momentum))")
    try weights.check(for: "qat")
    try activations.check(for: "qat")
    try require(
      weights.isSymmetric && !weights.hasGroups, "qat",
      "integer layers take symmetric weights with a scale for each output channel or one for all")
    let work = graph.copy()
    try work.apply(.removeIdentities)
    let folded = work.copy()
    try folded.apply(.foldBatchNorm)
    try work.apply(insertFakeQuantize(try Site.all(in: folded)))
    return work
  }

  private func insertFakeQuantize(_ sites: [Site]) -> Pass {
    Pass("insert_fake_quantize") { graph, report in
      for input in graph.inputs where graph[input].dtype == .f32 { try watch(input, in: graph) }
      for site in sites {
        try roundWeight(of: site, in: graph)
        let end = result(of: site, in: graph)
        let isFloat = end == graph.output && site.float.canEndInFloat && site.range == .unbounded
        if site.float.definesRange && !isFloat { try watch(end, in: graph) }
        report.matched.append(graph[site.head].name)
      }
    }
  }

  /// Where the result of a site is before batch norm is folded.
  private func result(of site: Site, in graph: Graph) -> Graph.ID {
    guard site.tail == site.head, let user = graph.onlyUser(of: site.head),
      graph.operation(user)?.op is BatchNorm
    else { return site.tail }
    return user
  }

  /// Every reader of `id` reads it through a grid.
  private func watch(_ id: Graph.ID, in graph: Graph) throws {
    let node = graph[id]
    let readers = graph.users(of: id)
    let range = graph.add(
      node.name + ".range", .leaf(Parameter(try FakeQuantize.unseen(), role: .buffer)), shape: [2],
      dtype: .f32, before: readers.first)
    let rounded = graph.add(
      node.name + ".quantized", .apply(FakeQuantize(activations, momentum: momentum), [id, range]),
      shape: node.shape,
      dtype: .f32, before: readers.first)
    graph.replaceUses(of: id, with: rounded, except: rounded)
  }

  private func roundWeight(of site: Site, in graph: Graph) throws {
    guard site.float.quantizesWeights, let (op, reads) = graph.operation(site.head),
      reads.count > site.float.activationCount, let weight = graph.leaf(reads[site.float.activationCount])
    else { return }
    let position = site.float.activationCount
    let rounded = graph.add(
      graph[reads[position]].name + ".quantized", .apply(FakeQuantizeWeight(weights), [reads[position]]),
      shape: weight.value.shape, dtype: .f32, before: site.head)
    var changed = reads
    changed[position] = rounded
    graph[site.head].kind = .apply(op, changed)
  }
}

/// What training found: a graph without grids, and their ranges by the node they were behind.
struct TrainedRanges {
  let graph: Graph
  private(set) var params: [Graph.ID: QuantParams] = [:]

  /// nil where the graph holds no grids.
  init?(_ trained: Graph) throws {
    for id in trained.order {
      guard let (op, reads) = trained.operation(id), let grid = op as? FakeQuantize,
        let range = trained.leaf(reads[1])
      else { continue }
      params[reads[0]] = grid.params(range.value)
    }
    guard !params.isEmpty else { return nil }
    graph = trained.copy()
    try graph.apply(Self.removeFakeQuantize)
  }

  private static let removeFakeQuantize = Pass("remove_fake_quantize") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), op is FakeQuantize || op is FakeQuantizeWeight else {
        continue
      }
      graph.replaceUses(of: id, with: reads[0])
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
