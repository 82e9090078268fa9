import Models
import Tensors

extension AdaRound {
  /// The graph with batch norm folded and the weights of its convolutions and linear layers rounded up or down to
  /// their grids as this learns. A layer whose inputs say nothing is rounded to the nearest, and the log says so.
  public func callAsFunction(
    _ graph: Graph, _ plan: WeightPlan, calibration: CalibrationBatches,
    progress: LayerProgress = { _, _, _ in }
  ) throws -> Graph {
    try plan.check("adaround")
    try require(iterations > 0, "adaround", "iterations must be positive (got \(iterations))")
    let work = try graph.preparedForQuantization()
    let layers = plan.layers(in: work)
    let hessians = asymmetric ? nil : try Hessians(layers, work, calibration)
    let scratch = work.copy()
    var changes: [LayerChange] = []
    for layer in layers {
      try progress(changes.count, layers.count, layer.name)
      let objective: Objective?
      if let hessian = hessians?[layer] {
        objective =
          hessian.isUsable ? try Self.objective(layer.weight.value, hessian, groups: layer.groups) : nil
      } else {
        objective = try ReconstructionData(layer, work, scratch, calibration).objective
      }
      let done = changes.count
      let change = try round(layer, plan, objective) { try progress(done, layers.count, layer.name) }
      if asymmetric, let weight = change.weight { try scratch.setWeight(of: layer, weight) }
      changes.append(change)
    }
    try progress(layers.count, layers.count, "")
    return try work.with(changes, by: "adaround")
  }

  private func round(
    _ layer: WeightLayer, _ plan: WeightPlan, _ objective: Objective?, pause: () throws -> Void
  ) throws -> LayerChange {
    let (quantizer, weight) = (try plan.quantizer(for: layer), layer.weight.value)
    let nearest = try quantizer.dequantized(weight)
    func rounded(to weight: Tensor, _ refusal: String? = nil) -> LayerChange {
      LayerChange(layer: layer, weight: weight, quantizer: quantizer, refusal: refusal)
    }
    guard quantizer.rounding == .nearest else {
      return rounded(
        to: nearest, "ternary and binary weights have no up and down; they were rounded as their scheme says")
    }
    let learned = try objective.flatMap {
      try round(
        weight, WeightCodes(quantizer, weight.shape), groups: layer.groups,
        keep: layer.weight.constraint(Mask.self)?.keep, $0, pause: pause)
    }
    if let learned { return rounded(to: learned) }
    // Weights that lie on their grid have nothing to learn.
    if try quantizer.holds(weight) { return rounded(to: nearest) }
    return rounded(
      to: nearest,
      "its inputs are all 0 or not finite on the calibration data, so it was rounded to the nearest; give data that "
        + "reaches it")
  }
}

/// What one layer read in the graph that is being rounded, and what it gave in the float one, behind its relu.
private struct ReconstructionData {
  /// [groups, rows, columns], and [groups, rows of the weight, rows].
  private var inputs: [[Tensor]]
  private var targets: [[Tensor]]
  private let layer: WeightLayer
  private let clampsAtZero: Bool
  private let order: [Int]

  /// Numbers of inputs kept for one layer.
  private static let capacity = 1 << 24

  init(_ layer: WeightLayer, _ float: Graph, _ rounded: Graph, _ calibration: CalibrationBatches) throws {
    self.layer = layer
    clampsAtZero = float.onlyUser(of: layer.id).flatMap { float.operation($0) }?.op is Relu
    let patches = PatchRows(layer)
    order = patches.weightOrder
    let none = [[Tensor]](repeating: [], count: layer.groups)
    (inputs, targets) = (none, none)
    let places = try Tensor([order.count], order.map(Int64.init))
    let weight = try layer.weight.value.detached().reshaped([
      layer.groups, layer.rows / layer.groups, layer.columns,
    ])
    func rows(_ graph: Graph, _ place: Graph.ID) throws -> [[Tensor]] {
      var (found, held) = (none, 0)
      try calibration.replay(graph, until: place) { id, value in
        guard id == place, held < Self.capacity else { return }
        held += value.count * layer.columns / max(layer.inputChannels, 1)
        try patches.forEach(value) { group, rows in
          found[group].append(try rows.indexSelect(axis: 1, places))
        }
      }
      return found
    }
    let (seen, meant) = (try rows(rounded, layer.input), try rows(float, layer.input))
    for group in none.indices {
      inputs[group] = seen[group]
      let w = try weight.select(axis: 0, index: group).transposed()
      targets[group] = try meant[group].map { try act($0.matmul(w), group) }
    }
  }

  private func act(_ y: Tensor, _ group: Int) throws -> Tensor {
    guard clampsAtZero else { return y }
    guard let bias = layer.bias?.value else { return try y.relu() }
    let rows = layer.rows / layer.groups
    return try (y + bias.narrow(axis: 0, start: group * rows, count: rows).detached()).relu()
  }

  /// The error on one piece of the rows after the other; nil where the layer saw nothing.
  var objective: AdaRound.Objective? {
    guard let pieces = inputs.first?.count, pieces > 0 else { return nil }
    return AdaRound.Objective(pieces: pieces) { soft, step in
      var sum: Tensor?
      for group in inputs.indices {
        let (x, y) = (inputs[group][step % pieces], targets[group][step % pieces])
        let result = try act(x.matmul(soft.select(axis: 0, index: group).transposed()), group)
        let error = try (result - y).square().sum() / Double(max(x.shape[0], 1))
        sum = try sum.map { try $0 + error } ?? error
      }
      return try sum ?? Tensor.scalar(0)
    }
  }
}
