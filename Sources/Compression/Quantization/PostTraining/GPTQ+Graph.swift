import Models
import Tensors

extension GPTQ {
  /// The graph with batch norm folded and the weights of its convolutions and linear layers rounded to their grids, so
  /// that the layers' results change little on the calibration data. A layer whose inputs do not determine how (all 0,
  /// not finite) is rounded to the nearest, and the log says so.
  ///
  /// - Parameters:
  ///   - sequential: each layer sees the inputs that the rounded layers before it give; takes a pass over the data for
  ///     each of them instead of one in all.
  ///   - progress: told of each layer that is done.
  public func callAsFunction(
    _ graph: Graph, _ plan: WeightPlan, calibration: CalibrationBatches, sequential: Bool = false,
    progress: LayerProgress = { _, _, _ in }
  ) throws -> Graph {
    try plan.check("gptq")
    try require(
      damping > 0 && damping <= 1, "gptq", "damping must be above 0 and at most 1 (got \(damping))")
    let work = try graph.preparedForQuantization()
    let layers = plan.layers(in: work)
    let scratch = work.copy()
    var changes: [LayerChange] = []
    for stage in stages(layers, sequential) {
      let hessians = try Hessians(stage, scratch, calibration)
      for share in stage.chunks(of: Engine.threads) {
        try progress(changes.count, layers.count, share.first?.name ?? "")
        let rounded = try inParallel(share) { try round($0, plan, hessians[$0]) }
        changes += rounded
      }
      guard sequential else { continue }
      for change in changes.suffix(stage.count) {
        if let weight = change.weight { try scratch.setWeight(of: change.layer, weight) }
      }
    }
    try progress(layers.count, layers.count, "")
    return try work.with(changes, by: "gptq")
  }

  /// Layers whose inputs are observed in one pass: those that read the same, or all.
  private func stages(_ layers: [WeightLayer], _ sequential: Bool) -> [[WeightLayer]] {
    guard sequential else { return layers.isEmpty ? [] : [layers] }
    return layers.reduce(into: []) { stages, layer in
      if stages.last?.last?.input == layer.input {
        stages[stages.count - 1].append(layer)
      } else {
        stages.append([layer])
      }
    }
  }

  private func round(_ layer: WeightLayer, _ plan: WeightPlan, _ hessian: LayerHessian) throws -> LayerChange
  {
    let quantizer = try plan.quantizer(for: layer)
    func nearest(_ reason: String) throws -> LayerChange {
      LayerChange(
        layer: layer, weight: try quantizer.dequantized(layer.weight.value), quantizer: quantizer,
        refusal: reason)
    }
    if case .sign = quantizer.rounding {
      return try nearest("binary weights have no nearest value to round to; their signs were kept")
    }
    let plans = hessian.matrices.map(self.plan)
    let usable = plans.compactMap { $0 }
    guard usable.count == plans.count else {
      return try nearest(
        "its inputs are all 0 or not finite on the calibration data, so it was rounded to the nearest; give data "
          + "that reaches it")
    }
    let weight = try layer.weight.value.copy(format: .contiguous)
    self.round(
      weight, WeightCodes(quantizer, weight.shape), usable, keep: layer.weight.constraint(Mask.self)?.keep)
    return LayerChange(layer: layer, weight: weight, quantizer: quantizer)
  }
}

/// The Hessians of several layers, those with the same input only once.
struct Hessians {
  private struct Key: Hashable {
    let input: Graph.ID
    /// nil for linear layers, which all read the rows of their input.
    let convolution: Graph.ID?
  }
  private var found: [Key: LayerHessian] = [:]

  init(_ layers: [WeightLayer], _ graph: Graph, _ calibration: CalibrationBatches) throws {
    var places: [Graph.ID: [Key]] = [:]
    for layer in layers where found[Self.key(layer)] == nil {
      found[Self.key(layer)] = LayerHessian(layer)
      places[layer.input, default: []].append(Self.key(layer))
    }
    let last = graph.order.last { places[$0] != nil }
    try calibration.replay(graph, until: last) { id, value in
      for key in places[id] ?? [] { try found[key]?.add(value) }
    }
  }

  private static func key(_ layer: WeightLayer) -> Key {
    Key(input: layer.input, convolution: layer.op is Linear ? nil : layer.id)
  }

  subscript(layer: WeightLayer) -> LayerHessian { found[Self.key(layer)] ?? LayerHessian(layer) }
}

extension Array {
  func chunks(of size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: Swift.max(size, 1)).map { self[$0..<Swift.min($0 + size, count)] }
  }
}

/// The results of independent work, on as many threads as there are parts.
func inParallel<Part, Result>(_ parts: some Collection<Part>, _ work: (Part) throws -> Result) throws
  -> [Result]
{
  let parts = Array(parts)
  var results = [Result?](repeating: nil, count: parts.count)
  try results.withUnsafeMutableBufferPointer { places in
    nonisolated(unsafe) let places = places
    try ThreadTeam.run(parts: parts.count, threads: Engine.threads) { part, _ in
      places[part] = try work(parts[part])
    }
  }
  return results.compactMap { $0 }
}
