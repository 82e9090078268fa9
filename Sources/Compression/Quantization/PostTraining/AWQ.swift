import Foundation
import Models
import Tensors

/// Protects the weights that read large activations: their channels are made larger before rounding, by a power of the
/// mean activation that leaves the least error in the layers' results, and then the ranges of the weights are clipped
/// as far as that lowers it (Lin et al., "AWQ: activation-aware weight quantization for LLM compression and
/// acceleration", MLSys 2024). For weights of 4 bits and fewer with activations in f32.
///
/// Factors are `s_j = mean|x_j|^r / sqrt(max s min s)` with r from a grid. What divides the activations is the layer
/// norm or layer that makes them, or a multiplication in front of the layers.
public struct AWQ: Sendable {
  /// Ratios tried, from 0 to just below 1.
  public var ratios: Int
  /// Whether ranges are clipped.
  public var clips: Bool
  /// Whether a multiplication may be put in front of layers whose input nothing else can scale.
  public var inserts: Bool

  public init(ratios: Int = 20, clips: Bool = true, inserts: Bool = true) {
    (self.ratios, self.clips, self.inserts) = (ratios, clips, inserts)
  }

  private static let clipSteps = 10
  private static let smallestClip = 0.5

  /// - Returns: the graph with rounded weights, and the float one it stands for: the same channels made larger.
  public func callAsFunction(
    _ graph: Graph, _ plan: WeightPlan, calibration: CalibrationBatches,
    progress: LayerProgress = { _, _, _ in }
  ) throws -> (rounded: Graph, float: Graph) {
    try plan.check("awq")
    try require(ratios > 0, "awq", "ratios must be positive (got \(ratios))")
    let work = try graph.preparedForQuantization()
    let layers = plan.layers(in: work)
    let places = ScalableInput.all(in: work)
    let hessians = try Hessians(layers, work, calibration)
    let seen = try ChannelMagnitudes.of(places, in: work, calibration)
    var factors: [Graph.ID: [Double]] = [:]
    for (i, place) in places.enumerated() {
      try progress(i, places.count, place.name)
      guard place.absorber != nil || inserts else { continue }
      let best = try search(place, work, seen[i].mean, plan, hessians)
      guard best.contains(where: { $0 != 1 }) else { continue }
      try work.scaleInput(place, by: best)
      for layer in place.layers { factors[layer.id] = best }
    }
    var changes: [LayerChange] = []
    for layer in layers {
      guard let current = WeightLayer(layer.id, work) else { continue }
      let curvature = try Curvature(current, hessians[layer], factors[layer.id])
      var quantizer = try plan.quantizer(for: current)
      if clips, curvature.isUsable { quantizer = try clipped(quantizer, current, plan, curvature) }
      changes.append(
        LayerChange(
          layer: current, weight: try quantizer.dequantized(current.weight.value), quantizer: quantizer,
          refusal: curvature.isUsable ? nil : "its inputs are all 0 or not finite on the calibration data"))
    }
    try progress(places.count, places.count, "")
    return (try work.with(changes, by: "awq"), work)
  }

  /// The factors of one ratio.
  func factors(_ means: [Double], _ ratio: Double) -> [Double] {
    let powers = means.map { max(pow($0, ratio), 1e-4) }
    let middle = ((powers.max() ?? 1) * (powers.min() ?? 1)).squareRoot()
    return powers.map { $0 / middle }
  }

  /// Those of the ratio with the least error over all layers that read the value.
  private func search(
    _ place: ScalableInput, _ graph: Graph, _ means: [Double], _ plan: WeightPlan, _ hessians: Hessians
  ) throws -> [Double] {
    let layers = place.layers.compactMap { WeightLayer($0.id, graph) }
    let curvatures = try layers.map { try Curvature($0, hessians[$0], nil) }
    guard curvatures.allSatisfy(\.isUsable) else { return means.map { _ in 1 } }
    var best = (factors: means.map { _ in 1.0 }, error: Double.infinity)
    // Ranges are clipped in the end only.
    let plan = WeightPlan(plan.weights, layers: plan.layers)
    for step in 0..<ratios {
      let factors = factors(means, Double(step) / Double(ratios))
      var error = 0.0
      for (layer, curvature) in zip(layers, curvatures) {
        let columns = (0..<layer.columns).map { factors[$0 / layer.columnsPerChannel] }
        let across = try Tensor.from(columns, [1, layer.columns], .f32)
        let weight = try layer.weight.value.reshaped([layer.rows, layer.columns]).detached()
        let scaled = try (weight * across).reshaped(layer.weight.value.shape)
        let rounded = try plan.quantizer(for: layer, scaled).dequantized(scaled)
        let back = try rounded.reshaped([layer.rows, layer.columns]) / across
        error += try curvature.error(back - weight).sum().item()
      }
      if error < best.error { best = (factors, error) }
    }
    return best.factors
  }

  /// The same grid with smaller scales where they lower the error of the result, each by itself.
  private func clipped(
    _ quantizer: WeightQuantizer, _ layer: WeightLayer, _ plan: WeightPlan, _ curvature: Curvature
  ) throws -> WeightQuantizer {
    let scheme = plan.scheme(for: layer.name)
    guard quantizer.rounding == .nearest, scheme.granularity != .tensor, !scheme.powerOfTwo, layer.groups == 1
    else { return quantizer }
    let group = quantizer.group ?? layer.columns
    let groups = (layer.columns + group - 1) / group
    let weight = try layer.weight.value.reshaped([layer.rows, layer.columns]).detached()
    var best = quantizer.scales
    var least = [Double](repeating: .infinity, count: best.count)
    for step in 0...Self.clipSteps {
      let share = Float(1 - (1 - Self.smallestClip) * Double(step) / Double(Self.clipSteps))
      let scales = quantizer.scales.map { scheme.hasGroups ? WeightQuantizer.half($0 * share) : $0 * share }
      guard scales.allSatisfy(\.isNormal) else { break }
      let attempt = quantizer.with(scales: scales)
      let shape = layer.weight.value.shape
      let rounded = try attempt.dequantized(layer.weight.value.reshaped(shape)).reshaped(weight.shape)
      let difference = try rounded - weight
      for g in 0..<groups {
        let columns = g * group..<min((g + 1) * group, layer.columns)
        for (row, error) in try curvature.error(difference, columns).doubles().enumerated()
        where error < least[row * groups + g] {
          (least[row * groups + g], best[row * groups + g]) = (error, scales[row * groups + g])
        }
      }
    }
    return quantizer.with(scales: best)
  }
}

/// How much an error of a layer's weights [rows, columns] matters: `d H d^T` for each row d.
private struct Curvature {
  private let h: Tensor
  let isUsable: Bool

  /// - Parameter factors: of the input's channels, where its values were divided by them after H was taken.
  init(_ layer: WeightLayer, _ hessian: LayerHessian, _ factors: [Double]?) throws {
    isUsable = hessian.isUsable && layer.groups == 1
    guard isUsable, var h = hessian.matrices.first else {
      self.h = try Tensor.zeros([1, 1])
      return
    }
    let mean = max(hessian.rows, 1)
    let run = layer.columnsPerChannel
    let n = h.size
    let divisors = factors.map { factors in (0..<n).map { factors[$0 / run] } }
    h = SquareMatrix(
      size: n,
      h.values.enumerated().map { i, value in
        value / Double(mean) / (divisors.map { $0[i / n] * $0[i % n] } ?? 1)
      })
    self.h = try Tensor.from(h.values, [n, n], .f32)
  }

  /// [rows].
  func error(_ difference: Tensor) throws -> Tensor {
    try (difference.matmul(h) * difference).sum(axes: [1])
  }

  /// Of these columns alone.
  func error(_ difference: Tensor, _ columns: Range<Int>) throws -> Tensor {
    let part = try difference.narrow(axis: 1, start: columns.lowerBound, count: columns.count).contiguous()
    let block = try h.narrow(axis: 0, start: columns.lowerBound, count: columns.count)
      .narrow(axis: 1, start: columns.lowerBound, count: columns.count).contiguous()
    return try (part.matmul(block) * part).sum(axes: [1])
  }
}

extension WeightQuantizer {
  /// The same codes with other scales.
  func with(scales: [Float]) -> WeightQuantizer {
    WeightQuantizer(
      scales: scales, zeroPoints: zeroPoints, group: group, lowest: lowest, highest: highest,
      rounding: rounding)
  }
}
