import Models
import Tensors

/// Weights in few bits, activations in f32 between layers: linear layers and embeddings become low-bit ones, all else
/// stays as it is. Needs no calibration.
public struct WeightQuantization: Sendable {
  public enum Activations: Sendable {
    /// Stay f32 ("weight-only").
    case float
    /// 8 bits just before each product, every row by its own range ("dynamic").
    case dynamic
  }

  public var weights: WeightScheme
  /// How the scales of weights are chosen that are on no grid yet.
  public var observer: WeightObserver
  public var activations: Activations
  /// Layers of their own scheme, or left in float.
  public var layers: LayerRules

  public init(
    weights: WeightScheme = WeightScheme(), observer: WeightObserver = .minmax, activations: Activations,
    layers: LayerRules = [:]
  ) {
    (self.weights, self.observer) = (weights, observer)
    (self.activations, self.layers) = (activations, layers)
  }

  /// The weights are copies; `graph` and its model stay as they were. Layers that are integer ops already are left
  /// alone.
  public func callAsFunction(_ graph: Graph) throws -> Graph {
    for scheme in [weights] + layers.schemes { try scheme.check(for: "quantize") }
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    let found = work.order.filter { lowBitInput(work, $0) != nil }
    try require(
      !found.isEmpty, "quantize",
      "there is no linear layer or embedding in it; other layers need activations.mode = \"static\"")
    try layers.check(in: work, weighted: found)
    try work.apply(insertLowBitOps(found))
    return work
  }

  /// Which input of a node is a weight that can have few bits.
  private func lowBitInput(_ graph: Graph, _ id: Graph.ID) -> Int? {
    guard let (op, reads) = graph.operation(id) else { return nil }
    let input: Int
    switch op {
    case is Linear: input = LowBitLinear.weightInput
    case is Embedding: input = LowBitEmbedding.weightInput
    default: return nil
    }
    let others = reads.indices.filter { $0 != input && !(op is Embedding && $0 == 1) && $0 > 0 }
    guard let weight = graph.leaf(reads[input]), weight.value.dtype == .f32, weight.value.rank == 2,
      others.allSatisfy({ graph.leaf(reads[$0]) != nil })
    else { return nil }
    return input
  }

  private func insertLowBitOps(_ found: [Graph.ID]) -> Pass {
    Pass("quantize_weights") { graph, report in
      for id in found {
        let name = graph[id].name
        guard let (op, old) = graph.operation(id), let input = lowBitInput(graph, id), !layers.isFloat(name),
          let leaf = graph.leaf(old[input])
        else { continue }
        var reads = old
        let weight = try leaf.replaced(by: leaf.value.copy())
        let grid = try WeightQuantizer.grid(
          for: weight, layers.scheme(for: name) ?? weights, observer, bias: nil, node: name)
        try weight.constrain(grid)
        reads[input] = graph.replaceLeaf(reads[input], of: id, with: weight)
        let lowBit: any LowBitOp =
          op is Embedding ? LowBitEmbedding(grid) : LowBitLinear(grid, isDynamic: activations == .dynamic)
        graph[id].kind = .apply(lowBit, reads)
        report.matched.append(name)
        if op is Linear, let zeros = try ZeroChannels(of: leaf.value) {
          report.warnings.append(zeros.warning(layer: name))
        }
      }
    }
  }
}
