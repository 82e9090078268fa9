import Tensors

extension Pass {
  /// Makes gelu of its spelled-out form, `x (1 + erf(x / sqrt 2)) / 2`. Keeps the function the graph computes but for
  /// rounding.
  public static let recognizeGelu = Pass("recognize_gelu") { graph, report in
    for id in graph.order {
      // A number of more dimensions than x would give the result more, too.
      guard let match = graph.match(gelu, at: id), graph[match["x"]].shape == graph[id].shape else {
        continue
      }
      graph[id].kind = .apply(Gelu(.none), [match["x"]])
      report.matched.append(graph[id].name)
    }
  }

  private static let gelu: Pattern = {
    let inner = Pattern.either([
      .op(Div.self, .any("x"), .number(2.0.squareRoot())),
      .op(Mul.self, .any("x"), .number(0.5.squareRoot())),
    ])
    let share = Pattern.op(Add.self, .op(Erf.self, inner), .number(1))
    return .either([
      .op(Mul.self, .op(Mul.self, .any("x"), share), .number(0.5)),
      .op(Mul.self, .op(Mul.self, .any("x"), .number(0.5)), share),
      .op(Mul.self, .any("x"), .op(Mul.self, share, .number(0.5))),
      .op(Div.self, .op(Mul.self, .any("x"), share), .number(2)),
    ])
  }()
}
