import Models
import Tensors

/// Post-training static quantization: u8 activations with ranges from calibration data, s8 weights
/// (Jacob et al., CVPR 2018; the scheme ONNX Runtime calls QOperator with per-channel weights). Fewer bits run on the
/// same kernels, with fewer codes.
public struct StaticQuantization: Sendable {
  public var observer: ObserverKind
  public var weights: WeightScheme
  public var activations: ActivationScheme
  /// Layers with weights of their own scheme.
  public var layers: LayerRules

  public init(
    observer: ObserverKind = .minmax, weights: WeightScheme = WeightScheme(),
    activations: ActivationScheme = ActivationScheme(), layers: LayerRules = [:]
  ) {
    (self.observer, self.weights, self.activations, self.layers) = (observer, weights, activations, layers)
  }

  /// A graph of integer ops that computes what `graph` does, nearly. The weights are copies; `graph` and its
  /// model stay as they were.
  ///
  /// - Parameter calibration: answers batches of inputs like those to come, a few hundred samples in all, then nil.
  public func callAsFunction(_ graph: Graph, calibration: () throws -> Tensor?) throws -> Graph {
    try checkSchemes()
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    let sites = try Site.all(in: work)
    try layers.check(against: sites.filter { $0.hasWeights(in: work) }.map { work[$0.head].name })
    let calibration = try Calibration(work, sites, observer, activations, calibration)
    try work.apply(insertQuantizedOps(sites, calibration))
    return work
  }

  /// The same for a graph from `QuantizationAwareTraining`, with the grids found in training, whatever the schemes here
  /// are; nil for any other.
  ///
  /// - Parameter calibration: only for networks with attention, whose scores training does not see.
  public func callAsFunction(trained: Graph, calibration: (() throws -> Tensor?)? = nil) throws -> Graph? {
    guard var grids = try TrainedGrids(trained) else { return nil }
    try grids.foldBatchNorm()
    let sites = try Site.all(in: grids.graph)
    let calibration = try Calibration(grids.graph, sites, grids.params, calibration)
    try grids.graph.apply(insertQuantizedOps(sites, calibration, isTrained: true))
    return grids.graph
  }

  public func callAsFunction(_ graph: Graph, calibration: some Sequence<Tensor>) throws -> Graph {
    var batches = calibration.makeIterator()
    return try self(graph) { batches.next() }
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
      var params = calibration.params
      for input in graph.inputs {
        guard let entry = params[input] else { continue }
        let node = graph[input]
        let id = graph.add(
          "quantize_linear", .apply(QuantizeLinear(entry), [input]), shape: node.shape, dtype: node.dtype,
          before: sites.first?.head)
        graph.replaceUses(of: input, with: id, except: id)
        params[id] = entry
      }
      for site in sites {
        let reads = graph.operation(site.head)?.inputs ?? []
        let inputs = try reads.prefix(site.float.activationCount).map { read in
          guard let known = params[read] else {
            throw ShapeError(
              "quantize",
              "node '\(graph[site.head].name)' (\(site.op.name)) reads '\(graph[read].name)', which has no "
                + "quantized form; only computed activations do")
          }
          return known
        }
        let result = site.float.definesRange ? params[site.tail] : inputs[0]
        guard let result else { preconditionFailure("every range was observed") }
        let endsInFloat = site.tail == graph.output && site.float.canEndInFloat && site.range == .unbounded
        try replace(
          site, reads,
          Calibrated(
            inputs: inputs, inner: calibration.inner[site.head] ?? [], result: endsInFloat ? nil : result,
            range: site.range), isTrained, graph)
        params[site.head] = result
        if !endsInFloat, graph.output == site.head { dequantize(site.head, result, graph) }
        report.matched.append(graph[site.head].name)
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
    if let weight = weights.first, site.float.quantizesWeights {
      let bias = weights.count > 1 ? weights[1].value : nil
      let input = calibrated.inputs[0]
      if isTrained, let known = weight.constraint(WeightQuantizer.self) {
        try weight.constrain(known.fitting(bias, inputScale: input.scale))
      } else {
        try weight.constrain(quantizer(weight, bias, input, graph[site.head].name))
      }
      calibrated.quantizer = weight.constraint(WeightQuantizer.self)
    }
    for (offset, weight) in weights.enumerated() {
      let position = activations + offset
      reads[position] = graph.replaceLeaf(reads[position], of: site.head, with: weight)
    }
    let op = try site.float.quantized(calibrated)
    graph[site.head].kind = .apply(op, reads)
    graph.replaceUses(of: site.tail, with: site.head)
  }

  /// The grid a weight promises to be on already, if it is one of the scheme, else the one that fits it.
  private func quantizer(
    _ weight: Parameter, _ bias: Tensor?, _ input: QuantParams, _ name: String
  ) throws -> WeightQuantizer {
    let scheme = layers.scheme(for: name) ?? weights
    if let known = weight.constraint(WeightQuantizer.self), known.isOf(scheme), try known.holds(weight.value)
    {
      return known
    }
    do {
      return try WeightQuantizer(weight: weight.value, scheme: scheme, bias: bias, inputScale: input.scale)
    } catch let error as ShapeError {
      throw ShapeError("quantize", "node '\(name)': \(error.problem)")
    }
  }

  private func dequantize(_ id: Graph.ID, _ params: QuantParams, _ graph: Graph) {
    let end = graph.add(
      "dequantize_linear", .apply(DequantizeLinear(params), [id]), shape: graph[id].shape, dtype: .f32)
    graph.setOutput(end)
  }
}
