import Models
import Tensors

/// A convolution or linear layer of a float graph, with its weights seen as a matrix: a row for each output channel, a
/// column for each number of the input that one output reads.
struct WeightLayer {
  let id: Graph.ID
  let name: String
  let op: any Op
  /// The activation it reads.
  let input: Graph.ID
  let weight: Parameter
  let bias: Parameter?

  /// Every such layer with stored weights, in order. A weight that several layers share belongs to the first.
  static func all(in graph: Graph) -> [WeightLayer] {
    var seen: Set<ObjectIdentifier> = []
    return graph.order.compactMap { id in
      guard let layer = WeightLayer(id, graph), seen.insert(ObjectIdentifier(layer.weight)).inserted else {
        return nil
      }
      return layer
    }
  }

  init?(_ id: Graph.ID, _ graph: Graph) {
    guard let (op, reads) = graph.operation(id), op is Conv2d || op is Linear, reads.count > 1,
      let weight = graph.leaf(reads[1]), weight.value.rank > 1, weight.value.dtype == .f32
    else { return nil }
    if reads.count > 2 && graph.leaf(reads[2]) == nil { return nil }
    (self.id, self.op, self.weight, input) = (id, op, weight, reads[0])
    name = graph[id].name
    bias = reads.count > 2 ? graph.leaf(reads[2]) : nil
  }

  var rows: Int { weight.value.shape[0] }
  var columns: Int { weight.value.count / max(rows, 1) }
  var groups: Int { (op as? Conv2d)?.groups ?? 1 }
  /// A convolution that mixes no channels.
  var isDepthwise: Bool { groups > 1 && weight.value.shape[1] == 1 }
  /// Columns that read one input channel.
  var columnsPerChannel: Int { weight.value.shape.dims[2...].reduce(1, *) }
  var inputChannels: Int { weight.value.shape[1] * groups }
  /// Along which dimension of its input, and of its result, of so many dimensions the channels lie.
  func channelAxis(rank: Int) -> Int { op is Conv2d ? 1 : rank - 1 }
}

extension Graph {
  /// Puts other values into the weight of a layer, and promises into its parameter; its other readers keep the old.
  func setWeight(of layer: WeightLayer, _ value: Tensor, _ constraint: (any Constraint)? = nil) throws {
    guard let (op, reads) = operation(layer.id), let old = leaf(reads[1]) else { return }
    let parameter = try old.replaced(by: value)
    if let constraint { try parameter.constrain(constraint) }
    let place = replaceLeaf(reads[1], of: layer.id, with: parameter)
    self[layer.id].kind = .apply(op, [reads[0], place] + reads.dropFirst(2))
  }

  /// Puts another bias [O] into a layer, which may have had none.
  func setBias(of layer: WeightLayer, _ value: Tensor) throws {
    guard let (op, reads) = operation(layer.id) else { return }
    let place: ID
    if reads.count > 2, let old = leaf(reads[2]) {
      place = replaceLeaf(reads[2], of: layer.id, with: try old.replaced(by: value))
    } else {
      place = add(
        layer.name + ".bias", .leaf(Parameter(value)), shape: value.shape, dtype: value.dtype,
        before: layer.id)
    }
    self[layer.id].kind = .apply(op, [reads[0], reads[1], place])
  }
}
