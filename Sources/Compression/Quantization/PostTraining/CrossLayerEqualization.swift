import Models
import Tensors

/// Two layers, the second of which reads the first by way of ops that a positive factor of a channel passes through
/// (`f(s x) = s f(x)`): relu, max and average pooling, moving.
struct ScalablePair {
  let first: WeightLayer
  let second: WeightLayer

  /// Every pair in the graph. A value that is read twice (a residual connection) joins none.
  static func all(in graph: Graph) -> [ScalablePair] {
    let layers = Dictionary(uniqueKeysWithValues: WeightLayer.all(in: graph).map { ($0.id, $0) })
    return graph.order.compactMap { id in
      guard let first = layers[id], let end = reader(of: id, in: graph), let second = layers[end] else {
        return nil
      }
      return ScalablePair(first: first, second: second)
    }
  }

  /// The layer at the end of a chain of single readers that takes the channels of layer `id` for its own: a convolution
  /// those of images, a linear layer those of the last dimension.
  private static func reader(of id: Graph.ID, in graph: Graph) -> Graph.ID? {
    var (place, hasImages) = (id, graph.operation(id)?.op is Conv2d)
    while let next = graph.onlyUser(of: place), let (op, reads) = graph.operation(next), reads.first == place
    {
      switch op {
      case is Conv2d: return hasImages ? next : nil
      case is Linear: return hasImages ? nil : next
      case is Relu: break
      case is MaxPool2d, is AvgPool2d, is GlobalAvgPool2d:
        guard hasImages else { return nil }
      case let flatten as Flatten:
        // Channels stay apart: each becomes a run of columns.
        guard flatten.axis == 1, graph[place].shape.rank == (hasImages ? 4 : 2) else { return nil }
        hasImages = false
      default: return nil
      }
      place = next
    }
    return nil
  }

  /// Columns of the second layer's weights that read one channel of the first.
  private var run: Int { second.columns * second.groups / first.rows }

  /// Where the weights that read channel c lie in the second layer's weight [O, ...], as rows and a range of columns.
  func readers(of channel: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let perGroup = first.rows / second.groups
    let rows = second.rows / second.groups
    let (group, place) = (channel / perGroup, channel % perGroup)
    return (group * rows..<(group + 1) * rows, place * run..<(place + 1) * run)
  }
}

/// Makes the ranges of two layers' weights alike, channel by channel, where a factor can move from one to the other;
/// keeps the function the graph computes (Nagel et al., "Data-free quantization through weight equalization and bias
/// correction", ICCV 2019, section 4.1). For scales per tensor, and for depthwise convolutions above all.
///
/// With the largest magnitudes r1 of what makes a channel and r2 of what reads it, the factor is
/// `s = sqrt(r1 / r2)`; the first layer is divided by s, the second one multiplied.
public struct CrossLayerEqualization: Sendable {
  /// Rounds over all pairs at most, for chains of more than two layers.
  public var rounds: Int

  public init(rounds: Int = 20) { self.rounds = rounds }

  /// A round that changes no factor by more than this is the last.
  private static let tolerance = 1e-4
  /// The product of a channel's factors over all rounds stays within this of 1: a channel that is nearly dead would
  /// blow up its bias, and with it the one range that all channels of an activation share.
  private static let largest = 1e2

  public func callAsFunction(_ graph: Graph) throws -> Graph {
    try require(rounds > 0, "equalize", "rounds must be positive (got \(rounds))")
    let work = try graph.preparedForQuantization()
    let pairs = ScalablePair.all(in: work)
    var values: [Graph.ID: LayerValues] = [:]
    for layer in pairs.flatMap({ [$0.first, $0.second] }) where values[layer.id] == nil {
      values[layer.id] = try LayerValues(layer)
    }
    var totals = pairs.map { [Double](repeating: 1, count: $0.first.rows) }
    for _ in 0..<rounds {
      var largest = 0.0
      for (i, pair) in pairs.enumerated() { largest = max(largest, equalize(pair, &values, &totals[i])) }
      if largest < Self.tolerance { break }
    }
    let changes = try pairs.flatMap { [$0.first, $0.second] }.reduce(into: [Graph.ID: LayerChange]()) {
      $0[$1.id] = try values[$1.id]?.change
    }
    return try work.with(
      work.order.compactMap { changes[$0] } + refused(WeightLayer.all(in: work), pairs), by: "equalize_layers"
    )
  }

  /// How far the factor that differs most from 1 does.
  ///
  /// - Parameter totals: the product of each channel's factors so far.
  private func equalize(
    _ pair: ScalablePair, _ values: inout [Graph.ID: LayerValues], _ totals: inout [Double]
  ) -> Double {
    guard var first = values[pair.first.id], var second = values[pair.second.id] else { return 0 }
    var largest = 0.0
    for channel in 0..<pair.first.rows {
      let (rows, columns) = pair.readers(of: channel)
      let made = first.range(channel..<channel + 1, 0..<pair.first.columns)
      let read = second.range(rows, columns)
      guard made > 0, read > 0 else { continue }
      let total = min(max(totals[channel] * (made / read).squareRoot(), 1 / Self.largest), Self.largest)
      let factor = total / totals[channel]
      guard factor.isNormal else { continue }
      totals[channel] = total
      first.scale(channel..<channel + 1, 0..<pair.first.columns, by: 1 / factor)
      first.bias?[channel] /= factor
      second.scale(rows, columns, by: factor)
      largest = max(largest, abs(factor - 1))
    }
    (values[pair.first.id], values[pair.second.id]) = (first, second)
    return largest
  }

  private func refused(_ layers: [WeightLayer], _ pairs: [ScalablePair]) -> [LayerChange] {
    let joined = Set(pairs.flatMap { [$0.first.id, $0.second.id] })
    return layers.filter { !joined.contains($0.id) }.map {
      LayerChange(
        layer: $0,
        refusal:
          "no neighbour can take factors of its channels: it is read more than once (a residual connection), or "
          + "by way of a function that is not linear in positive factors (relu6, gelu, sigmoid)")
    }
  }
}

/// The weights of one layer while they change.
private struct LayerValues {
  let layer: WeightLayer
  private var weights: [Double]
  var bias: [Double]?

  init(_ layer: WeightLayer) throws {
    self.layer = layer
    weights = try layer.weight.value.doubles()
    bias = try layer.bias?.value.doubles()
  }

  func range(_ rows: Range<Int>, _ columns: Range<Int>) -> Double {
    var largest = 0.0
    for row in rows {
      for column in columns { largest = max(largest, abs(weights[row * layer.columns + column])) }
    }
    return largest
  }

  mutating func scale(_ rows: Range<Int>, _ columns: Range<Int>, by factor: Double) {
    for row in rows {
      for column in columns { weights[row * layer.columns + column] *= factor }
    }
  }

  var change: LayerChange {
    get throws {
      LayerChange(
        layer: layer, weight: try Tensor.from(weights, layer.weight.value.shape, .f32),
        bias: try bias.map { try Tensor.from($0, [layer.rows], .f32) })
    }
  }
}
