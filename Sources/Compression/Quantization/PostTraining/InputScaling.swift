import Models
import Tensors

/// Linear layers, or convolutions without groups, that read one value, and what can take a factor of each of its
/// channels: the layer norm or the layer that makes it.
struct ScalableInput {
  let input: Graph.ID
  let layers: [WeightLayer]
  enum Absorber {
    case layerNorm(Graph.ID)
    case layer(WeightLayer)
  }
  /// nil where the value is also read elsewhere, or made by what no factor passes through.
  let absorber: Absorber?

  var channels: Int { layers.first?.inputChannels ?? 0 }
  var name: String { layers.map(\.name).joined(separator: ", ") }

  static func all(in graph: Graph) -> [ScalableInput] {
    let layers = WeightLayer.all(in: graph).filter { $0.groups == 1 }
    let pairs = ScalablePair.all(in: graph)
    // Linear layers and convolutions see other channels in the same value.
    var places: [[WeightLayer]] = []
    for layer in layers {
      let known = places.firstIndex {
        $0[0].input == layer.input && ($0[0].op is Conv2d) == (layer.op is Conv2d)
      }
      if let known { places[known].append(layer) } else { places.append([layer]) }
    }
    return places.map { readers in
      let input = readers[0].input
      var absorber: Absorber?
      if Set(graph.users(of: input)) == Set(readers.map(\.id)), !graph.outputs.contains(input) {
        if let (op, reads) = graph.operation(input), op is LayerNorm, reads.count > 1,
          readers[0].op is Linear,
          reads.dropFirst().allSatisfy({
            graph.leaf($0) != nil && graph[$0].shape == [readers[0].inputChannels]
          })
        {
          absorber = .layerNorm(input)
        } else if let pair = pairs.first(where: { $0.second.id == readers[0].id && readers.count == 1 }),
          pair.first.rows == pair.second.inputChannels
        {
          absorber = .layer(pair.first)
        }
      }
      return ScalableInput(input: input, layers: readers, absorber: absorber)
    }
  }
}

extension Graph {
  /// Divides what the layers read by a factor for each channel and multiplies their weights by it. Where nothing can
  /// take the division, a multiplication is put in front of the layers.
  func scaleInput(_ place: ScalableInput, by factors: [Double]) throws {
    for layer in place.layers {
      guard let current = WeightLayer(layer.id, self) else { continue }
      let run = current.columnsPerChannel
      var weights = try current.weight.value.doubles()
      for i in weights.indices { weights[i] *= factors[i % current.columns / run] }
      try setWeight(of: current, Tensor.from(weights, current.weight.value.shape, .f32))
    }
    let inverse = factors.map { 1 / $0 }
    switch place.absorber {
    case .layerNorm(let id):
      guard let (op, reads) = operation(id) else { return }
      var changed = reads
      for (i, read) in reads.enumerated().dropFirst() {
        guard let leaf = leaf(read) else { continue }
        let values = zip(try leaf.value.doubles(), inverse).map { $0 * $1 }
        changed[i] = replaceLeaf(
          read, of: id, with: try leaf.replaced(by: Tensor.from(values, leaf.value.shape, .f32)))
      }
      self[id].kind = .apply(op, changed)
    case .layer(let made):
      guard let first = WeightLayer(made.id, self) else { return }
      var weights = try first.weight.value.doubles()
      for i in weights.indices { weights[i] *= inverse[i / first.columns] }
      try setWeight(of: first, Tensor.from(weights, first.weight.value.shape, .f32))
      if let bias = try first.bias?.value.doubles() {
        try setBias(of: first, Tensor.from(zip(bias, inverse).map { $0 * $1 }, [bias.count], .f32))
      }
    case nil: try multiplyInput(place, by: inverse)
    }
  }

  private func multiplyInput(_ place: ScalableInput, by factors: [Double]) throws {
    guard let first = place.layers.first else { return }
    let isImage = first.op is Conv2d
    let value = try Tensor.from(factors, isImage ? [factors.count, 1, 1] : [factors.count], .f32)
    let leaf = add(
      first.name + ".input_scale", .leaf(Parameter(value, role: .constant)), shape: value.shape, dtype: .f32,
      before: first.id)
    let scaled = add(
      first.name + ".scaled_input", .apply(Mul(), [place.input, leaf]), shape: self[place.input].shape,
      dtype: .f32, before: first.id)
    for layer in place.layers {
      guard let (op, reads) = operation(layer.id) else { continue }
      self[layer.id].kind = .apply(op, [scaled] + reads.dropFirst())
    }
  }
}

/// The mean and the largest magnitude of each channel of values seen in batches.
struct ChannelMagnitudes {
  private var means = ChannelMeans()
  private(set) var largest: [Double] = []

  mutating func add(_ value: Tensor, axis: Int) throws {
    guard value.count > 0 else { return }
    let sizes = try value.abs()
    try means.add(sizes, axis: axis)
    let found = try sizes.max(axes: (0..<value.rank).filter { $0 != axis }).doubles()
    try require(
      found.allSatisfy(\.isFinite), "calibration",
      "an activation \(value.shape) holds values that are not finite; check the model in fp32 and the range of the "
        + "calibration data")
    largest = largest.isEmpty ? found : zip(largest, found).map { max($0, $1) }
  }

  var mean: [Double] { means.values }

  /// Of what the layers of each place read.
  static func of(_ places: [ScalableInput], in graph: Graph, _ calibration: CalibrationBatches) throws
    -> [ChannelMagnitudes]
  {
    var found = places.map { _ in ChannelMagnitudes() }
    let numbers = Dictionary(grouping: places.indices) { places[$0].input }
    try calibration.replay(graph) { id, value in
      for i in numbers[id] ?? [] {
        try found[i].add(value, axis: places[i].layers[0].channelAxis(rank: value.rank))
      }
    }
    return found
  }
}
