import Tensors

extension Pass {
  /// Folds each batch norm into the convolution or linear layer that feeds it, with the running statistics.
  /// Keeps the function the graph computes in evaluation (Jacob et al., CVPR 2018, section 3.2):
  /// `w' = w * s`, `b' = (b - mean) * s + bias` with `s = scale / sqrt(var + epsilon)`, per output channel.
  public static let foldBatchNorm = Pass("fold_batch_norm") { graph, report in
    for id in graph.order {
      guard let (op, reads) = graph.operation(id), let norm = op as? BatchNorm else { continue }
      do {
        try fold(norm, id, reads, graph)
        report.matched.append(graph[id].name)
      } catch let refusal as Refusal {
        report.refused.append((graph[id].name, refusal.reason))
      }
    }
  }

  private struct Refusal: Error { let reason: String }

  private static func fold(_ norm: BatchNorm, _ id: Graph.ID, _ reads: [Graph.ID], _ graph: Graph) throws {
    guard let (producer, from) = graph.operation(reads[0]),
      producer is Conv2d || producer is Conv1d || producer is Linear
    else {
      throw Refusal(reason: "no convolution or linear layer feeds it; it stays a node of its own")
    }
    guard !(producer is Linear) || graph[reads[0]].shape.rank == 2 else {
      throw Refusal(reason: "it normalises the positions of '\(graph[reads[0]].name)', not its features")
    }
    guard graph.onlyUser(of: reads[0]) == id else {
      throw Refusal(reason: "'\(graph[reads[0]].name)' is read elsewhere, too")
    }
    let statistics = reads.dropFirst().compactMap { graph.leaf($0)?.value }
    guard statistics.count == 4, let weight = graph.leaf(from[1]),
      from.count < 3 || graph.leaf(from[2]) != nil
    else {
      throw Refusal(
        reason: "its statistics or the weights of '\(graph[reads[0]].name)' are computed, not stored")
    }
    let values = try statistics.map { try $0.doubles() }
    let (scale, shift, mean, variance) = (values[0], values[1], values[2], values[3])
    let factors = scale.indices.map { scale[$0] / (variance[$0] + norm.epsilon).squareRoot() }

    let oldBias = try from.count > 2 ? graph.leaf(from[2])?.value.doubles() : nil
    let newBias = factors.indices.map { ((oldBias?[$0] ?? 0) - mean[$0]) * factors[$0] + shift[$0] }
    let depth = weight.value.count / max(factors.count, 1)
    let scaled = try weight.value.doubles().enumerated().map { $1 * factors[$0 / depth] }

    let dtype = weight.value.dtype
    let w = graph.replaceLeaf(
      from[1], of: reads[0],
      with: try weight.replaced(by: Tensor.from(scaled, weight.value.shape, dtype), scaledBy: factors))
    let bias = Parameter(try Tensor.from(newBias, [factors.count], dtype))
    bias.value.requiresGrad = weight.value.requiresGrad
    let b =
      from.count > 2
      ? graph.replaceLeaf(from[2], of: reads[0], with: bias)
      : graph.add(
        graph[reads[0]].name + ".bias", .leaf(bias), shape: [factors.count], dtype: dtype, before: reads[0])
    graph[reads[0]].kind = .apply(producer, [from[0], w, b])
    graph.replaceUses(of: id, with: reads[0])
  }
}
