import Models
import Tensors

/// Training of a network as its integers will compute it: weights and activations are rounded to their grids
/// forward, gradients pass straight through (Bengio et al., 2013; Jacob et al., CVPR 2018, section 3).
///
/// Grids lie where static quantization puts them: behind each op with the activation that is fused into it, at
/// the inputs, and on the weights of convolutions and linear layers. Batch norm stays and trains; folding it
/// later multiplies a channel's weights and its scale alike, and leaves the integers what they are.
public struct QuantizationAwareTraining: Sendable {
  /// Where the grids come from.
  public enum Method: String, CaseIterable, Sendable {
    /// Weights by their extremes, activations by a moving average of those of the batches (Jacob et al., 2018).
    case minmax
    /// Steps of weights and activations are learned (Esser et al., 2020), for each channel unless the scheme says else.
    case lsq
    /// Activations are clipped at a bound that is learned (Choi et al., 2018); weights as in `dorefa`.
    case pact
    /// Weights through tanh to -1...1, activations clipped to 0...1 (Zhou et al., 2016).
    case dorefa
    /// Weights -1, 0, 1 times a scale (Li and Liu, 2016), activations as in `minmax`.
    case ternary
    /// Weights -1, 1 times a scale (Courbariaux et al., 2015; Rastegari et al., 2016), activations as in `minmax`.
    case binary
  }

  public var method: Method
  /// Of all but the first and the last layer with weights.
  public var weights: WeightScheme
  /// Of all but the network's inputs and what the last layer with weights reads.
  public var activations: ActivationScheme
  /// Bits of the first and the last layer's weights, of the network's inputs and of what the last layer reads.
  public var edgeBits: Int
  /// Layers with weights of their own scheme, first and last ones included, or left in float.
  public var layers: LayerRules
  public var unsupported: Unsupported
  /// Share by which a batch moves an observed range.
  public var momentum: Double
  /// Of PACT's regulariser, `penalty * bound^2` for each bound.
  public var penalty: Double

  public init(
    _ method: Method = .minmax, weights: WeightScheme? = nil,
    activations: ActivationScheme = ActivationScheme(),
    edgeBits: Int = 8, layers: LayerRules = [:], unsupported: Unsupported = .refuse, momentum: Double = 0.1,
    penalty: Double = 1e-4
  ) {
    self.method = method
    self.weights = weights ?? method.weights
    (self.activations, self.edgeBits, self.layers) = (activations, edgeBits, layers)
    (self.unsupported, self.momentum, self.penalty) = (unsupported, momentum, penalty)
  }

  /// A graph to train in place of `graph`, with the same parameters; ranges and steps are its own.
  public func callAsFunction(_ graph: Graph) throws -> Graph {
    try check()
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.recognizeSequences()
    let folded = work.copy()
    try folded.apply(.foldBatchNorm)
    let sites = try Site.all(in: folded, layers: layers, unsupported: unsupported)
    let plan = try GridPlan(self, sites, folded)
    try require(!sites.isEmpty, "qat", "nothing is left to quantize: every node stays in f32")
    try work.apply(insertGrids(plan, folded))
    return work
  }

  private func check() throws {
    try require(
      momentum > 0 && momentum <= 1, "qat", "momentum must be above 0 and at most 1 (got \(momentum))")
    try require(
      penalty >= 0 && penalty.isFinite, "qat", "the penalty must be a number of at least 0 (got \(penalty))")
    try require(
      (2...8).contains(edgeBits), "qat", "the first and last layers must have 2 to 8 bits (got \(edgeBits))")
    try activations.check(for: "qat")
    try require(
      method != .ternary && method != .binary || weights.levels == method.weights.levels, "qat",
      "method '\(method)' has weights of its own levels; leave them and the bits out, or use method 'minmax'")
    for scheme in [weights] + layers.schemes {
      try scheme.check(for: "qat")
      try require(
        scheme.isSymmetric && !scheme.hasGroups, "qat",
        "integer layers take symmetric weights with a scale for each output channel or one for all")
    }
    try require(
      !method.learnsScales
        || !([weights] + layers.schemes).contains { $0.powerOfTwo } && !activations.powerOfTwo,
      "qat", "\(method) has scales of its own; for powers of two use method 'minmax'")
  }

  /// Its report names the ops that are trained to become integer ones.
  static let passName = "insert_fake_quantize"

  private func insertGrids(_ plan: GridPlan, _ folded: Graph) -> Pass {
    let (heads, results) = (Set(plan.sites.map(\.head)), Set(plan.sites.map(\.tail)))
    let remaining = Set(folded.order)
    // Where a value of the folded graph is before batch norm is folded.
    @Sendable func place(_ id: Graph.ID, _ graph: Graph) -> Graph.ID {
      guard let user = graph.onlyUser(of: id), graph.operation(user)?.op is BatchNorm,
        !remaining.contains(user)
      else { return id }
      return user
    }
    nonisolated(unsafe) let folded = folded
    return Pass(Self.passName) { graph, report in
      // Integer ops read it through a grid, float ones as it is.
      for id in plan.sites.valuesOnGrids(of: folded) where !results.contains(id) {
        try watch(
          place(id, graph), graph.inputs.contains(id) ? plan.input : plan.observed(id), in: graph, by: heads)
      }
      for site in plan.sites {
        try roundWeights(of: site, plan, in: graph)
        if site.float.definesRange && !site.endsInFloat {
          try watch(place(site.tail, graph), plan.activation(site), in: graph)
        }
        report.matched.append(graph[site.head].name)
      }
    }
  }

  /// Those who read `id` do it through a grid: all of them, or only some.
  private func watch(
    _ id: Graph.ID, _ grid: any ActivationGrid, in graph: Graph, by some: Set<Graph.ID>? = nil
  ) throws {
    let node = graph[id]
    let readers = graph.users(of: id).filter { some?.contains($0) ?? true }
    let (name, leaf) = try grid.leaf()
    let state = graph.add(
      "\(node.name).\(name)", .leaf(leaf), shape: leaf.value.shape, dtype: .f32, before: readers.first)
    let rounded = graph.add(
      node.name + ".quantized", .apply(grid, [id, state]), shape: node.shape, dtype: .f32,
      before: readers.first)
    guard some != nil else { return graph.replaceUses(of: id, with: rounded, except: rounded) }
    for reader in readers {
      guard let (op, reads) = graph.operation(reader) else { continue }
      graph[reader].kind = .apply(op, reads.map { $0 == id ? rounded : $0 })
    }
  }

  private func roundWeights(of site: Site, _ plan: GridPlan, in graph: Graph) throws {
    guard site.hasWeights(in: graph) else { return }
    for offset in 0..<site.float.weightCount {
      try roundWeight(site.float.activationCount + offset, of: site, plan, in: graph)
    }
  }

  private func roundWeight(_ position: Int, of site: Site, _ plan: GridPlan, in graph: Graph) throws {
    guard let (op, reads) = graph.operation(site.head), let weight = graph.leaf(reads[position]) else {
      return
    }
    let name = graph[reads[position]].name
    let scheme = try plan.scheme(of: site)
    let grid = plan.weight(scheme)
    var inputs = [reads[position]]
    if let learned = grid as? LearnedStep {
      let steps = scheme.granularity == .tensor ? 1 : weight.value.shape[0]
      let step = Parameter(try learned.start(weight.value, steps: steps))
      try step.constrain(AboveZero())
      inputs.append(
        graph.add(name + ".step", .leaf(step), shape: step.value.shape, dtype: .f32, before: site.head))
    }
    let rounded = graph.add(
      name + ".quantized", .apply(grid, inputs), shape: weight.value.shape, dtype: .f32, before: site.head)
    var changed = reads
    changed[position] = rounded
    graph[site.head].kind = .apply(op, changed)
  }
}

extension QuantizationAwareTraining.Method {
  /// What weights are where a recipe does not say.
  var weights: WeightScheme {
    switch self {
    case .minmax, .lsq: WeightScheme()
    case .pact, .dorefa: WeightScheme(.integer(bits: 4), .tensor)
    case .ternary: WeightScheme(.ternary)
    case .binary: WeightScheme(.binary)
    }
  }

  var learnsScales: Bool { self == .lsq || self == .pact || self == .dorefa }
}

extension ActivationGrid {
  /// What the grid keeps beside the values, before anything was seen, and its name.
  fileprivate func leaf() throws -> (name: String, Parameter) {
    switch self {
    case let fixed as FakeQuantize:
      return ("range", Parameter(try fixed.start(), role: .buffer))
    case is ClippedActivation: return ("bound", try learned())
    default: return ("step", try learned())
    }
  }

  private func learned() throws -> Parameter {
    let parameter = Parameter(try Tensor([1], [Float(0)]))
    try parameter.constrain(AboveZero())
    return parameter
  }
}
