import Models
import Tensors

/// Post-training static quantization: u8 activations with ranges from calibration data, s8 weights
/// (Jacob et al., CVPR 2018; the scheme ONNX Runtime calls QOperator with per-channel weights). Fewer bits run on the
/// same kernels, with fewer codes.
public struct StaticQuantization: Sendable {
  public var observer: ObserverKind
  public var weights: WeightScheme
  /// How the scales of weights are chosen that are on no grid yet.
  public var weightObserver: WeightObserver
  public var activations: ActivationScheme
  /// Layers with weights of their own scheme, or left in float.
  public var layers: LayerRules
  public var unsupported: Unsupported

  public init(
    observer: ObserverKind = .minmax, weights: WeightScheme = WeightScheme(),
    weightObserver: WeightObserver = .minmax, activations: ActivationScheme = ActivationScheme(),
    layers: LayerRules = [:],
    unsupported: Unsupported = .refuse
  ) {
    (self.observer, self.weights, self.activations) = (observer, weights, activations)
    self.weightObserver = weightObserver
    (self.layers, self.unsupported) = (layers, unsupported)
  }

  /// A graph of integer ops that computes what `graph` does, nearly. The weights are copies; `graph` and its
  /// model stay as they were.
  ///
  /// - Parameter calibration: answers batches of inputs like those to come, one tensor for each input, a few hundred
  ///   samples in all, then nil.
  public func callAsFunction(_ graph: Graph, calibration: () throws -> [Tensor]?) throws -> Graph {
    try checkSchemes()
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.recognizeSequences()
    try work.apply(.foldBatchNorm)
    try work.apply(.foldConstants)
    try layers.check(
      in: work,
      weighted: work.order.filter { id in
        (work.operation(id)?.op as? any Quantizable).map { Site.hasWeights($0, id, in: work) } ?? false
      })
    let sites = try Site.all(in: work, layers: layers, unsupported: unsupported)
    try require(!sites.isEmpty, "quantize", "nothing is left to quantize: every node stays in f32")
    let calibration = try Calibration(work, sites, observer, activations, calibration)
    try work.apply(insertQuantizedOps(sites, calibration))
    return work
  }

  /// The same for a graph from `QuantizationAwareTraining`, with the grids found in training, whatever the schemes here
  /// are; nil for any other.
  ///
  /// - Parameter calibration: only for networks with attention, whose scores training does not see.
  public func callAsFunction(trained: Graph, calibration: (() throws -> [Tensor]?)? = nil) throws -> Graph? {
    guard var grids = try TrainedGrids(trained) else { return nil }
    try grids.foldBatchNorm()
    let sites = try Site.all(in: grids.graph, isFloat: grids.isFloat)
    let calibration = try Calibration(grids.graph, sites, grids.params, calibration)
    try grids.graph.apply(insertQuantizedOps(sites, calibration, isTrained: true))
    return grids.graph
  }

  /// What such a graph was trained to be, in float: with batch norm folded, weights on their grids and activations on
  /// none, but clipped where training has clipped them; nil for any other graph.
  public static func float(of trained: Graph) throws -> Graph? {
    guard var grids = try TrainedGrids(TrainedGrids.keepClips(trained)) else { return nil }
    try grids.foldBatchNorm()
    return grids.graph
  }

  public func callAsFunction(_ graph: Graph, calibration: some Sequence<Tensor>) throws -> Graph {
    var batches = calibration.makeIterator()
    return try self(graph) { batches.next().map { [$0] } }
  }

  private func checkSchemes() throws {
    try activations.check(for: "quantize")
    for scheme in [weights] + layers.schemes {
      try scheme.check(for: "quantize")
      try require(
        scheme.isSymmetric && !scheme.hasGroups, "quantize",
        "integer layers take symmetric weights with a scale for each output channel or one for all")
    }
  }

  // MARK: Rewriting

  private func insertQuantizedOps(
    _ sites: [Site], _ calibration: Calibration, isTrained: Bool = false
  ) -> Pass {
    Pass("quantize_static") { graph, report in
      var grids = Grids(calibration.params)
      for site in sites {
        var reads = graph.operation(site.head)?.inputs ?? []
        for i in reads.indices.prefix(site.float.activationCount) {
          reads[i] = grids.quantized(reads[i], for: site.head, graph)
        }
        let inputs = reads.prefix(site.float.activationCount).compactMap { grids.params[$0] }
        let result = site.float.definesRange ? calibration.params[site.tail] : inputs[0]
        guard result != nil || site.endsInFloat else { preconditionFailure("every range was observed") }
        try replace(
          site, reads,
          Calibrated(
            inputs: inputs, inner: calibration.inner[site.head] ?? [],
            result: site.endsInFloat ? nil : result, range: site.range), isTrained, graph)
        grids.params[site.head] = site.endsInFloat ? nil : result
        report.matched.append(graph[site.head].name)
      }
      grids.returnToFloat(graph)
      report.warnings = try calibration.warnings + zeroChannels(sites, graph)
    }
  }

  private func zeroChannels(_ sites: [Site], _ graph: Graph) throws -> [String] {
    try sites.filter { $0.float.quantizesWeights }.compactMap { site in
      let reads = graph.operation(site.head)?.inputs.dropFirst(site.float.activationCount) ?? []
      return try reads.first.flatMap { graph.leaf($0)?.value }.flatMap {
        try ZeroChannels(of: $0).map { $0.warning(layer: graph[site.head].name) }
      }
    }
  }

  private func replace(
    _ site: Site, _ reads: [Graph.ID], _ calibrated: Calibrated, _ isTrained: Bool, _ graph: Graph
  ) throws {
    var (reads, calibrated) = (reads, calibrated)
    let activations = calibrated.inputs.count
    let weights = try reads.dropFirst(activations).map { read in
      guard let leaf = graph.leaf(read) else {
        throw ShapeError(
          "quantize", "a weight of node '\(graph[site.head].name)' is computed from other values")
      }
      return try leaf.replaced(by: leaf.value.copy())
    }
    for (i, weight) in weights.prefix(site.float.weightCount).enumerated() {
      let bias = try site.float.bias(of: i, weights.map(\.value))
      let (name, inputScale) = (graph[site.head].name, calibrated.inputs[0].scale)
      let grid =
        if isTrained, let known = weight.constraint(WeightQuantizer.self) {
          try known.fitting(bias, inputScale: inputScale)
        } else {
          try WeightQuantizer.grid(
            for: weight, layers.scheme(for: name) ?? self.weights, weightObserver, bias: bias,
            inputScale: inputScale, node: name)
        }
      try weight.constrain(grid)
      calibrated.quantizers.append(grid)
    }
    for (offset, weight) in weights.enumerated() {
      let position = activations + offset
      reads[position] = graph.replaceLeaf(reads[position], of: site.head, with: weight)
    }
    let op = try site.float.quantized(calibrated)
    graph[site.head].kind = .apply(op, reads)
    graph.replaceUses(of: site.tail, with: site.head)
  }
}
