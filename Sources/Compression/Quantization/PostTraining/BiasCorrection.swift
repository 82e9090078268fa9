import Foundation
import Models
import Tensors

/// Takes the mean error that rounded weights leave in each channel of a layer's result out of its bias (Nagel et al.,
/// "Data-free quantization through weight equalization and bias correction", ICCV 2019, section 4.2).
public struct BiasCorrection: Sendable {
  public enum Method: String, CaseIterable, Sendable {
    /// From the statistics of the batch norms in front of a layer; needs no data.
    case analytic
    /// From calibration data, layer by layer, each behind the corrected ones before it.
    case empirical
  }

  public init() {}

  // MARK: Empirical

  /// - Parameters:
  ///   - float: the graph with batch norm folded.
  ///   - rounded: the same with rounded weights, node for node.
  public func callAsFunction(
    _ float: Graph, rounded: Graph, calibration: CalibrationBatches, progress: LayerProgress = { _, _, _ in }
  ) throws -> Graph {
    let layers = WeightLayer.all(in: rounded)
    var means: [Graph.ID: ChannelMeans] = [:]
    let places = Set(layers.map(\.id))
    try calibration.replay(float) { id, value in
      if places.contains(id) { try means[id, default: ChannelMeans()].add(value) }
    }
    let scratch = rounded.copy()
    var changes: [LayerChange] = []
    for layer in layers {
      try progress(changes.count, layers.count, layer.name)
      var found = ChannelMeans()
      try calibration.replay(scratch, until: layer.id) { id, value in
        if id == layer.id { try found.add(value) }
      }
      guard let meant = means[layer.id]?.values, meant.count == layer.rows else { continue }
      let bias = try corrected(layer, by: zip(meant, found.values).map { $0 - $1 })
      try scratch.setBias(of: layer, bias)
      changes.append(LayerChange(layer: layer, bias: bias))
    }
    try progress(layers.count, layers.count, "")
    return try rounded.with(changes, by: "correct_bias_empirical")
  }

  private func corrected(_ layer: WeightLayer, by shift: [Double]) throws -> Tensor {
    let old = try layer.bias?.value.doubles() ?? [Double](repeating: 0, count: layer.rows)
    return try Tensor.from(zip(old, shift).map { $0 + $1 }, [layer.rows], .f32)
  }

  // MARK: Analytic

  /// - Parameters:
  ///   - graph: as it was captured, with its batch norms.
  ///   - rounded: `graph` with batch norm folded and rounded weights.
  public func callAsFunction(_ graph: Graph, rounded: Graph) throws -> Graph {
    let float = try graph.preparedForQuantization()
    let expected = ExpectedInputs(graph)
    let changes = WeightLayer.all(in: rounded).compactMap { layer -> LayerChange? in
      guard let before = WeightLayer(layer.id, float) else { return nil }
      guard let means = expected[layer.input], means.count == layer.inputChannels else {
        return LayerChange(
          layer: layer,
          refusal:
            "no batch norm tells the mean of its inputs; correct it with data: bias_correction = \"empirical\""
        )
      }
      return try? LayerChange(
        layer: layer, bias: corrected(layer, by: shift(layer, before.weight.value, means)))
    }
    return try rounded.with(changes, by: "correct_bias_analytic")
  }

  /// `-(rounded - weight) E[x]`.
  private func shift(_ layer: WeightLayer, _ weight: Tensor, _ means: [Double]) throws -> [Double] {
    let (rounded, exact) = (try layer.weight.value.doubles(), try weight.doubles())
    let (perChannel, perGroup) = (layer.columnsPerChannel, layer.rows / layer.groups)
    let channels = layer.inputChannels / layer.groups
    return (0..<layer.rows).map { row in
      (0..<layer.columns).reduce(0) { sum, column in
        let i = row * layer.columns + column
        return sum - (rounded[i] - exact[i]) * means[row / perGroup * channels + column / perChannel]
      }
    }
  }
}

/// The mean of each channel (dimension 1 of images, else the last) of values seen in batches.
struct ChannelMeans {
  private var sums: [Double] = []
  private var count = 0

  mutating func add(_ value: Tensor) throws {
    let axis = value.rank == 4 ? 1 : value.rank - 1
    let channels = value.shape[axis]
    guard channels > 0, value.count > 0 else { return }
    let mean = try value.mean(axes: (0..<value.rank).filter { $0 != axis }).doubles()
    let weight = value.count / channels
    if sums.isEmpty { sums = [Double](repeating: 0, count: channels) }
    for i in sums.indices { sums[i] += mean[i] * Double(weight) }
    count += weight
  }

  var values: [Double] { sums.map { $0 / Double(max(count, 1)) } }
}

/// What the batch norms of a graph say of the mean of each channel of the values behind them.
private struct ExpectedInputs {
  private var means: [Graph.ID: [Double]] = [:]

  subscript(id: Graph.ID) -> [Double]? { means[id] }

  init(_ graph: Graph) {
    var normal: [Graph.ID: (mean: [Double], deviation: [Double])] = [:]
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), let input = reads.first else { continue }
      switch op {
      case is BatchNorm:
        guard reads.count == 5, let scale = try? graph.leaf(reads[1])?.value.doubles(),
          let shift = try? graph.leaf(reads[2])?.value.doubles()
        else { continue }
        normal[id] = (shift, scale.map(abs))
        means[id] = shift
        // Where batch norm is folded, the layer before it has its results.
        normal[input] = normal[id]
        means[input] = shift
      case is Relu: clip(id, input, 0, .infinity, normal)
      case let range as Clip: clip(id, input, range.lowest, range.highest, normal)
      case is Dropout, is AvgPool2d, is GlobalAvgPool2d: means[id] = means[input]
      case is Flatten where graph[input].shape.dims.dropFirst(2).allSatisfy { $0 == 1 }:
        means[id] = means[input]
      default: continue
      }
    }
  }

  /// The mean of a normal distribution clipped to [low, high] (appendix C of the paper).
  private mutating func clip(
    _ id: Graph.ID, _ input: Graph.ID, _ low: Double, _ high: Double,
    _ normal: [Graph.ID: (mean: [Double], deviation: [Double])]
  ) {
    guard let (mean, deviation) = normal[input] else { return }
    means[id] = zip(mean, deviation).map { clippedNormalMean($0, $1, low, high) }
  }
}

/// `E[min(max(x, low), high)]` for x normal.
func clippedNormalMean(_ mean: Double, _ deviation: Double, _ low: Double, _ high: Double) -> Double {
  guard deviation > 0 else { return min(max(mean, low), high) }
  func density(_ z: Double) -> Double { z.isFinite ? exp(-z * z / 2) / (2 * Double.pi).squareRoot() : 0 }
  func share(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }
  let (a, b) = ((low - mean) / deviation, (high - mean) / deviation)
  return (low.isFinite ? low * share(a) : 0) + (high.isFinite ? high * (1 - share(b)) : 0)
    + mean * (share(b) - share(a)) + deviation * (density(a) - density(b))
}
