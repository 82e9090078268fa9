import Tensors

extension Pass {
  /// Makes layer norms of their spelled-out form, `(x - mean) / sqrt(variance + epsilon) * weight + bias`, in the ways
  /// in which exporters write it. Keeps the function the graph computes but for rounding.
  public static let recognizeLayerNorm = Pass("recognize_layer_norm") { graph, report in
    for id in graph.order {
      var found: Match?
      for form in forms where found == nil { found = graph.match(form, at: id) }
      guard let match = found else { continue }
      let shape = graph[match["x"]].shape
      guard let axes = lastAxes(graph, match["mean"], shape),
        lastAxes(graph, match["variance"], shape) == axes,
        let number = graph.leaf(match["epsilon"])?.value, number.count == 1
      else { continue }
      let epsilon = try number.item()
      let normalized = Shape(shape.suffix(axes))
      let parameters = ["weight", "bias"].filter(match.contains).map { match[$0] }
      guard parameters.allSatisfy({ graph[$0].shape == normalized }) else {
        report.refused.append(
          (graph[id].name, "its weight is not of the shape \(normalized) that is normalised"))
        continue
      }
      graph[id].kind = .apply(LayerNorm(axes: axes, epsilon: epsilon), [match["x"]] + parameters)
      report.matched.append(graph[id].name)
    }
  }

  private static let forms: [Pattern] = {
    let mean = Pattern.op(Mean.self, .any("x"), as: "mean") { $0.keepDims }
    let centred = Pattern.op(Sub.self, .any("x"), mean, as: "centred")
    let square = Pattern.either([
      .op(Square.self, centred), .op(Mul.self, centred, centred), .op(Pow.self, centred, .number(2)),
    ])
    let variance = Pattern.op(Mean.self, square, as: "variance") { $0.keepDims }
    let deviation = Pattern.op(Sqrt.self, .op(Add.self, variance, .leaf("epsilon")))
    let normal = Pattern.either([
      .op(Div.self, centred, deviation), .op(Mul.self, centred, .op(Reciprocal.self, deviation)),
    ])
    let scaled = Pattern.op(Mul.self, normal, .leaf("weight"))
    // The whole first: a part of it is a layer norm, too.
    return [.op(Add.self, scaled, .leaf("bias"))]
  }()

  /// How many trailing dimensions a mean is over, where it is over such.
  private static func lastAxes(_ graph: Graph, _ id: Graph.ID, _ shape: Shape) -> Int? {
    guard let mean = graph.operation(id)?.op as? Mean else { return nil }
    let axes = mean.axes.sorted()
    return axes == Array(shape.rank - axes.count..<shape.rank) ? axes.count : nil
  }
}
