import Models
import Tensors

/// One place of a float graph that becomes one integer op: an op, and the activation fused into it.
struct Site {
  let head: Graph.ID
  /// Where the result is read: the activation's node, or the head.
  let tail: Graph.ID
  let op: any Op
  let float: any Quantizable
  let range: ActivationRange

  /// Every op of the graph, in order, fused ones left out. Refuses what has no integer form, by node name.
  static func all(in graph: Graph) throws -> [Site] {
    var sites: [Site] = []
    var fused: Set<Graph.ID> = []
    for id in graph.order where !fused.contains(id) {
      guard let (op, _) = graph.operation(id) else { continue }
      guard let float = op as? any Quantizable else {
        throw ShapeError(
          "quantize",
          "node '\(graph[id].name)' (\(op.name)) has no int8 form; leave it out of the model you quantize "
            + "and apply it to the program's result")
      }
      if float.fusesActivations, let user = graph.onlyUser(of: id),
        let (activation, _) = graph.operation(user),
        let range = ActivationRange(activation)
      {
        sites.append(Site(head: id, tail: user, op: op, float: float, range: range))
        fused.insert(user)
      } else {
        sites.append(Site(head: id, tail: id, op: op, float: float, range: .unbounded))
      }
    }
    return sites
  }

  /// Whether it reads weights that become integers.
  func hasWeights(in graph: Graph) -> Bool {
    float.quantizesWeights && (graph.operation(head)?.inputs.count ?? 0) > float.activationCount
  }
}

extension ActivationRange {
  /// The range an activation clamps to, where that is all it does.
  init?(_ op: any Op) {
    switch op {
    case is Relu: self = .nonNegative
    case let clip as Clip: self = .clip(min: Float(clip.lowest), max: Float(clip.highest))
    default: return nil
    }
  }
}
