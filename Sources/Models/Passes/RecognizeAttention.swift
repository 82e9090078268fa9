import Tensors

extension Pass {
  /// Makes attention of its spelled-out form: queries, keys and values split into heads, the softmax of their scaled
  /// product, joined again. Keeps the function the graph computes but for rounding.
  public static let recognizeAttention = Pass("recognize_attention") { graph, report in
    for id in graph.order {
      guard let match = graph.match(joined, at: id) else { continue }
      do {
        let (op, inputs) = try attention(match, graph)
        guard try op.shape(of: inputs.map { graph[$0].shape }) == graph[id].shape else {
          throw Refusal(reason: "its heads are not joined into one dimension")
        }
        graph[id].kind = .apply(op, inputs)
        report.matched.append(graph[id].name)
      } catch let refusal as Refusal {
        report.refused.append((graph[id].name, refusal.reason))
      } catch let error as ShapeError {
        report.refused.append((graph[id].name, error.problem))
      }
    }
  }

  private struct Refusal: Error { let reason: String }

  private static func split(_ name: String, _ order: [Int]) -> Pattern {
    .op(
      Transpose.self, .op(Reshape.self, .any(name), as: name + "_heads"), where: { $0.permutation == order })
  }

  private static let joined: Pattern = {
    let keys = Pattern.either([
      split("k", [0, 2, 3, 1]),
      .op(Transpose.self, split("k", [0, 2, 1, 3]), where: { $0.permutation == [0, 1, 3, 2] }),
    ])
    let product = Pattern.op(MatMul.self, split("q", [0, 2, 1, 3]), keys)
    let scaled = Pattern.either([
      .op(Mul.self, product, .leaf("factor")), .op(Div.self, product, .leaf("divisor")), product,
    ])
    let scores = Pattern.either([.op(Add.self, scaled, .any("mask")), scaled])
    let weights = Pattern.op(Softmax.self, scores, where: { $0.axis == 3 })
    let mixed = Pattern.op(MatMul.self, weights, split("v", [0, 2, 1, 3]))
    return .op(Reshape.self, .op(Transpose.self, mixed, where: { $0.permutation == [0, 2, 1, 3] }))
  }()

  private static func attention(_ match: Match, _ graph: Graph) throws -> (Attention, [Graph.ID]) {
    let heads = graph[match["q_heads"]].shape[2]
    for name in ["k_heads", "v_heads"] where graph[match[name]].shape[2] != heads {
      throw Refusal(
        reason: "queries have \(heads) heads, \(name.prefix(1)) has \(graph[match[name]].shape[2])")
    }
    let inputs = ["q", "k", "v"].map { match[$0] }
    guard inputs.allSatisfy({ graph[$0].shape.rank == 3 }) else {
      throw Refusal(reason: "its inputs are not [N, positions, features]")
    }
    var scale = 1.0
    if match.contains("factor") { scale = try number(match["factor"], graph) }
    if match.contains("divisor") { scale = 1 / (try number(match["divisor"], graph)) }
    return (Attention(heads: heads, scale: scale), inputs + (match.contains("mask") ? [match["mask"]] : []))
  }

  private static func number(_ id: Graph.ID, _ graph: Graph) throws -> Double {
    guard let value = graph.leaf(id)?.value, value.count == 1 else {
      throw Refusal(reason: "its scores are scaled by more than one number")
    }
    return try value.item()
  }
}
