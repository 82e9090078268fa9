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
    let places = Dictionary(uniqueKeysWithValues: layers.map { ($0.id, $0) })
    try calibration.replay(float) { id, value in
      guard let layer = places[id] else { return }
      try means[id, default: ChannelMeans()].add(value, axis: layer.channelAxis(rank: value.rank))
    }
    let scratch = rounded.copy()
    var changes: [LayerChange] = []
    for layer in layers {
      try progress(changes.count, layers.count, layer.name)
      var found = ChannelMeans()
      try calibration.replay(scratch, until: layer.id) { id, value in
        if id == layer.id { try found.add(value, axis: layer.channelAxis(rank: value.rank)) }
      }
      guard let meant = means[layer.id]?.values, meant.count == layer.rows else {
        changes.append(LayerChange(layer: layer, refusal: Self.stranger))
        continue
      }
      let bias = try corrected(layer, by: zip(meant, found.values).map { $0 - $1 })
      try scratch.setBias(of: layer, bias)
      changes.append(LayerChange(layer: layer, bias: bias))
    }
    try progress(layers.count, layers.count, "")
    return try rounded.with(changes, by: "correct_bias_empirical")
  }

  private static let stranger =
    "the float graph has no such layer; give the graph whose weights were rounded"

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
    let expected = try ExpectedInputs(graph, folded: float)
    let changes = try WeightLayer.all(in: rounded).map { layer -> LayerChange in
      guard let before = WeightLayer(layer.id, float) else {
        return LayerChange(layer: layer, refusal: Self.stranger)
      }
      guard let means = expected[layer.input], means.count == layer.inputChannels,
        layer.channelAxis(rank: rounded[layer.input].shape.rank) == ExpectedInputs.axis
      else {
        return LayerChange(
          layer: layer,
          refusal:
            "no batch norm tells the mean of its inputs; correct it with data: bias_correction = \"empirical\""
        )
      }
      return LayerChange(
        layer: layer, bias: try corrected(layer, by: shift(layer, before.weight.value, means)))
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

/// The mean of each channel of values seen in batches.
struct ChannelMeans {
  private var sums: [Double] = []
  private var count = 0

  mutating func add(_ value: Tensor, axis: Int) throws {
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

/// What the batch norms of a graph say of the mean of each channel (dimension 1) of the values about them.
private struct ExpectedInputs {
  static let axis = 1

  private var normal: [Graph.ID: (mean: [Double], deviation: [Double])] = [:]
  private var means: [Graph.ID: [Double]] = [:]

  subscript(id: Graph.ID) -> [Double]? { means[id] }

  /// - Parameter folded: the same graph, without the batch norms that could be folded.
  init(_ graph: Graph, folded: Graph) throws {
    let left = Set(folded.order)
    for id in graph.order { try readNorm(id, in: graph, isLeft: left.contains(id)) }
    means = normal.mapValues(\.mean)
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), let input = reads.first else { continue }
      switch op {
      case is Relu: clip(id, input, 0, .infinity)
      case let range as Clip: clip(id, input, range.lowest, range.highest)
      case is Dropout, is AvgPool2d, is GlobalAvgPool2d: means[id] = means[input]
      case is Flatten where graph[input].shape.dims.dropFirst(2).allSatisfy { $0 == 1 }:
        means[id] = means[input]
      default: continue
      }
    }
  }

  /// What a batch norm gives has the mean and deviation that it learned. Where it is folded, the layer before it gives
  /// that; where it is left, that layer's results keep those which the norm has seen.
  private mutating func readNorm(_ id: Graph.ID, in graph: Graph, isLeft: Bool) throws {
    guard let (op, reads) = graph.operation(id), let norm = op as? BatchNorm, reads.count == 5 else { return }
    let leaves = try reads.dropFirst().compactMap { try graph.leaf($0)?.value.doubles() }
    guard leaves.count == 4 else { return }
    let (scale, shift, mean, variance) = (leaves[0], leaves[1], leaves[2], leaves[3])
    normal[id] = (shift, scale.map(abs))
    normal[reads[0]] =
      isLeft ? (mean, variance.map { ($0 + norm.epsilon).squareRoot() }) : (shift, scale.map(abs))
  }

  /// The mean of a normal distribution clipped to [low, high] (appendix C of the paper).
  private mutating func clip(_ id: Graph.ID, _ input: Graph.ID, _ low: Double, _ high: Double) {
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
