import Testing

@Suite struct MistakeTests {
  @Test(arguments: [
    Snippet(
      "qs.tensor{{1, 2}, {3}}",
      "tensor: argument 'values': ragged table: [2] has 1 values, others at its level have 2"),
    Snippet("qs.zeros(-1)", "zeros: an extent cannot be negative, got -1"),
    Snippet(
      "qs.zeros(1 << 30, 1 << 30)", "zeros: shape [1073741824, 1073741824] has more than 2^40 elements"),
    Snippet("qs.zeros(2, {dtyp = 'f32'})", "zeros: unknown option 'dtyp' (did you mean 'dtype'?)"),
    Snippet(
      "qs.zeros(2, {dtype = 'f16'})",
      "zeros: option 'dtype' must be one of 'bool', 'u8', 'i8', 'i32', 'i64', 'f32' or 'f64' (got 'f16')"),
    Snippet("local _ = qs.ones(2) + nil", "bad argument #2 to '__add' (b: tensor|number expected, got nil)"),
    Snippet("local _ = qs.ones(2) + qs.ones(3)", "add: shapes [2] and [3] do not broadcast"),
    Snippet("qs.ones(2):sum(2)", "sum: [2] has 1 dimensions, there is no dimension 2"),
    Snippet(
      "qs.ones(2):sum(0)", "sum: argument 'dim' must be a dimension: 1 is the first, -1 the last (got 0)"),
    Snippet(
      "qs.ones(2).sum(3)", "calling 'sum' on bad self (tensor expected, got number); call it with a colon"),
    Snippet(
      "local _ = qs.ones(2)[0]",
      "index: 0 is outside dimension 1 of [2]; positions go from 1 to 2, or -2 to -1"),
    Snippet("local _ = qs.ones(2)[{1, 1}]", "index: [2] has 1 dimensions, there are 2 indices"),
    Snippet("local _ = qs.ones(2).shap", "tensor has no field or method 'shap'"),
    Snippet(
      "qs.ones(2):backward()",
      "backward: this tensor was not computed from any tensor that wants gradients (set requires_grad on a leaf, and do not call it inside no_grad)"
    ),
    Snippet("qs.ones(2):narrow(1, 2, 2)", "narrow: 2 positions from 2 do not lie within dimension 1 of [2]"),
    Snippet("qs.arange(0, 1e30)", "arange: from 0.0 to 1e+30 by 1.0 is too much"),
    Snippet("nn.conv2d(8, 16, 3, {stride = -1})", "conv2d: stride must be positive (got -1)"),
    Snippet("nn.linear(0, 1)", "linear: argument 'inputs' must be a positive integer (got 0)"),
    Snippet("nn.sequential{1}", "sequential: argument 'modules[1]' must be a module, got number"),
    Snippet(
      "nn.linear(4, 2)(qs.ones(3, 5))",
      "in layer linear: linear: input [3, 5] has 5 features, weight [2, 4] expects 4"),
    Snippet(
      "nn.sequential{nn.flatten(), nn.linear(4, 2)}(qs.ones(3, 5))",
      "in layer '1' (linear): linear: input [3, 5] has 5 features, weight [2, 4] expects 4"),
    Snippet(
      "nn.model{}",
      "model: the table needs a function 'forward', as in {conv = ..., forward = function(self, x) ... end}"),
    Snippet(
      "nn.model(function(x) return 1 end)(qs.ones(1))",
      "in layer model: model: forward must return a tensor, got number"),
    Snippet("qs.optim.sgd(nn.linear(1, 1))", "sgd: missing option 'lr' (number)"),
    Snippet(
      "qs.losses.cross_entropy(qs.ones(2, 3), qs.ones(2))",
      "cross_entropy: targets must be i64 classes, got f32"),
    Snippet(
      "qs.compile(nn.linear(1, 1))", "bad argument #1 to 'compile' (graph: graph expected, got module)"),
    Snippet(
      "qs.pruning.magnitude(nn.linear(2, 2), {sparsity = 1})",
      "prune: sparsity must be at least 0 and below 1 (got 1.0)"),
  ])
  func `a mistake is one line that says where, what and how to mend it`(_ snippet: Snippet) throws {
    let message = try Script().mistake(snippet.text)
    #expect(message == "script:1: " + snippet.output)
  }

  @Test func `an error inside a free-form model keeps its line`() throws {
    let text = """
      local m = nn.model(function(x)
        return x:matmul(qs.ones(7, 7))
      end)
      nn.sequential{nn.relu(), m}(qs.ones(2, 3))
      """
    #expect(
      try Script().mistake(text)
        == "script:2: matmul: [2, 3] has 3 columns, [7, 7] has 7 rows; they must be equal")
  }
}
