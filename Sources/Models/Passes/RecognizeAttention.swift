import Tensors

extension Pass {
  /// Makes attention of its spelled-out form: queries, keys and values split into heads, the softmax of their scaled
  /// product, joined again. Keeps the function the graph computes but for rounding.
  public static let recognizeAttention = Pass("recognize_attention") { graph, report in
    let spelledOut = Attention.spelledOut()
    for id in graph.order {
      guard let match = graph.match(spelledOut, at: id) else { continue }
      do {
        let (op, inputs) = try Attention.read(match, at: id, graph)
        graph[id].kind = .apply(op, inputs)
        report.matched.append(graph[id].name)
      } catch let error as ShapeError {
        report.refused.append((graph[id].name, error.problem))
      }
    }
  }
}

extension Attention {
  /// The form it has where there is no operator for it.
  ///
  /// - Parameter rounded: what stands between an inner value (`scores`, before any mask, or `weights`) and its reader.
  public static func spelledOut(rounded: (Pattern, String) -> Pattern = { inner, _ in inner }) -> Pattern {
    let keys = Pattern.either([
      split("k", [0, 2, 3, 1]),
      .op(Transpose.self, split("k", [0, 2, 1, 3]), where: { $0.permutation == [0, 1, 3, 2] }),
    ])
    let product = Pattern.op(MatMul.self, split("q", [0, 2, 1, 3]), keys)
    let scaled = rounded(
      .either([
        .op(Mul.self, product, .leaf("factor")), .op(Div.self, product, .leaf("divisor")), product,
      ]), "scores")
    let scores = Pattern.either([.op(Add.self, scaled, .any("mask")), scaled])
    let weights = rounded(.op(Softmax.self, scores, where: { $0.axis == 3 }), "weights")
    let mixed = Pattern.op(MatMul.self, weights, split("v", [0, 2, 1, 3]))
    return .op(Reshape.self, .op(Transpose.self, mixed, where: { $0.permutation == [0, 2, 1, 3] }))
  }

  private static func split(_ name: String, _ order: [Int]) -> Pattern {
    .op(
      Transpose.self, .op(Reshape.self, .any(name), as: name + "_heads"), where: { $0.permutation == order })
  }

  /// The op that a match of the form stands for, and what it reads.
  ///
  /// - Throws: `ShapeError` with the reason if there is no such op.
  public static func read(_ match: Match, at id: Graph.ID, _ graph: Graph) throws -> (Attention, [Graph.ID]) {
    let heads = graph[match["q_heads"]].shape[2]
    for name in ["k_heads", "v_heads"] where graph[match[name]].shape[2] != heads {
      throw ShapeError(
        name, "queries have \(heads) heads, \(name.prefix(1)) has \(graph[match[name]].shape[2])")
    }
    var inputs = ["q", "k", "v"].map { match[$0] }
    try Tensors.require(
      inputs.allSatisfy { graph[$0].shape.rank == 3 }, name, "its inputs are not [N, positions, features]")
    for (name, x) in zip(["q_heads", "k_heads", "v_heads"], inputs) {
      let (whole, split) = (graph[x].shape, graph[match[name]].shape)
      try Tensors.require(
        whole[0] == split[0] && whole[1] == split[1] && whole[2] == split[2] * split[3], self.name,
        "\(whole) is not split into heads along its features alone")
    }
    var scale = 1.0
    if match.contains("factor") { scale = try number(match["factor"], graph) }
    if match.contains("divisor") { scale = 1 / (try number(match["divisor"], graph)) }
    let lengths = [graph[inputs[0]].shape[1], graph[inputs[1]].shape[1]]
    let isCausal = try match.contains("mask") && Attention.isCausal(match["mask"], lengths, graph)
    if match.contains("mask"), !isCausal { inputs.append(match["mask"]) }
    let op = Attention(heads: heads, scale: scale, isCausal: isCausal)
    try Tensors.require(
      op.shape(of: inputs.map { graph[$0].shape }) == graph[id].shape, name,
      "its heads are not joined into one dimension")
    return (op, inputs)
  }

  private static func number(_ id: Graph.ID, _ graph: Graph) throws -> Double {
    guard let value = graph.leaf(id)?.value, value.count == 1 else {
      throw ShapeError(name, "its scores are scaled by more than one number")
    }
    return try value.item()
  }

  /// Whether a mask hides from each position the ones after it, and nothing else.
  private static func isCausal(_ id: Graph.ID, _ lengths: [Int], _ graph: Graph) throws -> Bool {
    guard let mask = graph.leaf(id)?.value, mask.rank >= 2, mask.dtype == .f32 else { return false }
    let (rows, columns) = (mask.shape[mask.rank - 2], mask.shape[mask.rank - 1])
    guard rows > 1, lengths == [rows, columns], mask.count == rows * columns else { return false }
    let values = try mask.array(Float.self)
    return values.indices.allSatisfy { i in
      i % columns > i / columns ? values[i] == -.infinity : values[i] == 0
    }
  }
}
