import Models
import Tensors

/// Post-training static quantization: u8 activations with ranges from calibration data, s8 weights
/// (Jacob et al., CVPR 2018; the scheme ONNX Runtime calls QOperator with per-channel weights).
public struct StaticQuantization: Sendable {
  public enum Granularity: String, CaseIterable, Sendable {
    /// One weight scale per output channel.
    case channel
    /// One weight scale per layer.
    case tensor
  }

  public var observer: ObserverKind
  public var granularity: Granularity

  public init(observer: ObserverKind = .minmax, granularity: Granularity = .channel) {
    self.observer = observer
    self.granularity = granularity
  }

  /// A graph of integer ops that computes what `graph` does, nearly. The weights are copies; `graph` and its
  /// model stay as they were.
  ///
  /// - Parameter calibration: answers batches of inputs like those to come, a few hundred samples in all, then nil.
  public func callAsFunction(_ graph: Graph, calibration: () throws -> Tensor?) throws -> Graph {
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    let sites = try Site.all(in: work)
    let ranges = try observe(work, sites, calibration)
    try work.apply(insertQuantizedOps(sites, ranges))
    return work
  }

  public func callAsFunction(_ graph: Graph, calibration: some Sequence<Tensor>) throws -> Graph {
    var batches = calibration.makeIterator()
    return try self(graph) { batches.next() }
  }

  // MARK: Calibration

  /// The parameters of every value that gets its own.
  private func observe(
    _ graph: Graph, _ sites: [Site], _ calibration: () throws -> Tensor?
  ) throws -> [Graph.ID: QuantParams] {
    let values = graph.inputs + sites.filter { $0.float.definesRange }.map(\.tail)
    let observers = Dictionary(uniqueKeysWithValues: values.map { ($0, observer.make()) })
    var batches = 0
    try graph.with(training: false) {
      try Tape.withoutGradients {
        while let batch = try calibration() {
          batches += 1
          _ = try graph.replay([batch]) { id, value in try observers[id]?.observe(value) }
        }
      }
    }
    try require(
      batches > 0, "quantize", "there is no calibration data; give a few hundred samples of the training set")
    return observers.mapValues { QuantParams(covering: $0.range.min, $0.range.max) }
  }

  // MARK: Rewriting

  private func insertQuantizedOps(_ sites: [Site], _ ranges: [Graph.ID: QuantParams]) -> Pass {
    Pass("quantize_static") { graph, report in
      var params = ranges
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
        try replace(site, reads, inputs, endsInFloat ? nil : result, graph)
        params[site.head] = result
        if !endsInFloat, graph.output == site.head { dequantize(site.head, result, graph) }
        report.matched.append(graph[site.head].name)
      }
    }
  }

  private func replace(
    _ site: Site, _ reads: [Graph.ID], _ inputs: [QuantParams], _ result: QuantParams?, _ graph: Graph
  ) throws {
    var reads = reads
    let weights = try reads.dropFirst(inputs.count).map { read in
      guard let leaf = graph.leaf(read) else {
        throw ShapeError(
          "quantize", "a weight of node '\(graph[site.head].name)' is computed from other values")
      }
      return try leaf.replaced(by: leaf.value.copy())
    }
    if let weight = weights.first {
      try weight.constrain(
        quantizer(weight.value, weights.count > 1 ? weights[1].value : nil, inputs[0], graph[site.head].name))
    }
    for (offset, weight) in weights.enumerated() {
      let position = inputs.count + offset
      reads[position] = graph.replaceLeaf(reads[position], of: site.head, with: weight)
    }
    let op = try site.float.quantized(
      inputs, weights.first?.constraint(WeightQuantizer.self), result, site.range)
    graph[site.head].kind = .apply(op, reads)
    graph.replaceUses(of: site.tail, with: site.head)
  }

  private func quantizer(
    _ weight: Tensor, _ bias: Tensor?, _ input: QuantParams, _ name: String
  ) throws -> WeightQuantizer {
    let perChannel: WeightQuantizer
    do {
      perChannel = try WeightQuantizer(weight: weight, bias: bias, inputScale: input.scale)
    } catch let error as ShapeError {
      throw ShapeError("quantize", "node '\(name)': \(error.problem)")
    }
    guard granularity == .tensor, let largest = perChannel.scales.max() else { return perChannel }
    return WeightQuantizer(scales: perChannel.scales.map { _ in largest })
  }

  private func dequantize(_ id: Graph.ID, _ params: QuantParams, _ graph: Graph) {
    let end = graph.add(
      "dequantize_linear", .apply(DequantizeLinear(params), [id]), shape: graph[id].shape, dtype: .f32)
    graph.setOutput(end)
  }
}
