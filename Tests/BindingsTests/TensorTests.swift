import Testing

@Suite struct TensorTests {
  @Test(arguments: [
    Snippet("print(1 + qs.tensor{{1, 2}, {3, 4}})", " 2.  3.\n 4.  5.\n[f32 2x2]"),
    Snippet("print((2 - qs.tensor{1, 3}):totable()[2])", "-1.0"),
    Snippet("print((qs.tensor{1, 2} ^ 2):totable()[2], (-qs.tensor{1}):item())", "4.0 -1.0"),
    Snippet("print((qs.tensor{6, 9} / 3):sum():item())", "5.0"),
    Snippet("print((qs.tensor({1, 2}, {dtype = 'i64'}) * 2).dtype)", "i64"),
    Snippet("print((qs.tensor({1, 2}, {dtype = 'i64'}) * 0.5).dtype)", "f32"),
    Snippet("print((qs.ones(2) + qs.ones(2, {dtype = 'f64'})).dtype)", "f64"),
    Snippet("print(qs.tensor{1, 2}:lt(2):totable()[1], qs.tensor{1, 2}:ge(2):totable()[1])", "true false"),
    Snippet(
      "local t = qs.ones(2); print(t == t, t == qs.ones(2), t:eq(qs.ones(2)):sum():item())", "true false 2"),
    Snippet("print(qs.tensor{{1, 2}, {3, 4}}:matmul(qs.tensor{1, 1}):totable()[2])", "7.0"),
  ])
  func `arithmetic has operators on either side`(_ snippet: Snippet) throws {
    let output = try Script().output(snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet("print(t[2][3]:item(), t[-1][-1]:item())", "6.0 6.0"),
    Snippet("print(t[{ {1, 2}, 2 }]:totable()[2])", "5.0"),
    Snippet("print(t[{ {}, {1, 3, 2} }].shape[2], t[{ 2 }].ndim)", "2 1"),
    Snippet("print(t[{ 1, {-1, 1, -1} }]:totable()[1])", "3.0"),
    Snippet("t[1] = 0; t[{ 2, 3 }] = 9; print(t:sum():item(), t[{ 2, 3 }]:item())", "18.0 9.0"),
    Snippet("t[{ {}, 1 }] = {7, 8}; print(t[1][1]:item(), t[2][1]:item())", "7.0 8.0"),
    Snippet("local n = 0; for _, row in ipairs(t) do n = n + row:sum():item() end; print(n, #t)", "21.0 2"),
    Snippet("print(t:narrow(2, 2, 2):totable()[1][1], t:narrow(2, -1, 1).shape[2])", "2.0 1"),
  ])
  func `positions count from 1, and from the end with negative numbers`(_ snippet: Snippet) throws {
    let output = try Script().output("local t = qs.tensor{{1, 2, 3}, {4, 5, 6}}; " + snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet(
      "print(t:sum():item(), t:sum(1).shape[1], t:sum({1, 2}).ndim, t:sum(-1, {keepdim = true}).ndim)",
      "21.0 3 0 2"),
    Snippet("print(t:mean(2):totable()[2], t:max():item(), t:min(1):totable()[3])", "5.0 6.0 3.0"),
    Snippet("print(t:argmax(2):totable()[1], t:argmax():item(), t:argmin():item())", "2 5 0"),
    Snippet(
      "print(string.format('%.3f %.3f', t:var():item(), t:std({1, 2}, {correction = 0}):item()))",
      "3.500 1.708"),
    Snippet("print(t:cumsum(2):totable()[2][3], t:prod(1):totable()[3])", "15.0 18.0"),
    Snippet("print(math.abs(t:softmax():sum(2)[1]:item() - 1) < 1e-6, t:log_softmax(1).shape[2])", "true 3"),
  ])
  func `reductions take a dimension, several or all`(_ snippet: Snippet) throws {
    let output = try Script().output("local t = qs.tensor{{1, 2, 3}, {4, 5, 6}}; " + snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet("local v, i = t:topk(2); print(v:totable()[2][1], i:totable()[1][2])", "6.0 1"),
    Snippet("print(qs.topk(t, 1, 1, {largest = false}):totable()[1][3])", "3.0"),
    Snippet(
      "print(t:scatter(2, i, 9):totable()[1][3], t:scatter_add(2, i, qs.ones(2, 1)):totable()[2][1])",
      "9.0 5.0"),
    Snippet(
      "print(t:pad{1, 0, 0, 2}:sum():item(), t:pad({1, 2}, {mode = 'reflect'}):totable()[1][6])", "21.0 1.0"),
    Snippet(
      "print(t:cumsum(2, {exclusive = true}):totable()[1][3], t:cumsum({reverse = true}):totable()[2][1])",
      "3.0 15.0"),
    Snippet(
      "print(#qs.embedding(qs.tensor({1, 0, 1}, {dtype = 'i64'}), t).shape, qs.embedding(qs.tensor({1}, {dtype = 'i64'}), t):sum():item())",
      "2 15.0"),
    Snippet(
      "print(t:prelu(qs.tensor{0.5}):sum():item(), (-t):prelu(qs.tensor{0.5}):sum():item())", "21.0 -10.5"),
    Snippet("print(table.concat(t:unsqueeze(1):interpolate{size = 6}.shape, 'x'))", "1x2x6"),
    Snippet("print(t:unsqueeze(1):conv1d(qs.ones(1, 2, 2), {bias = qs.ones(1)}):totable()[1][1][2])", "17.0"),
    Snippet("print(t:unsqueeze(1):conv_transpose1d(qs.ones(2, 1, 2)):totable()[1][1][1])", "5.0"),
    Snippet(
      "print(t:unsqueeze(1):avg_pool1d(3):totable()[1][2][1], t:unsqueeze(1):max_pool1d(2).shape[3])", "5.0 1"
    ),
    Snippet(
      "print(string.format('%.4f', t:group_norm(1, {bias = qs.ones(3)}):mean():item()), t:unsqueeze(1):instance_norm().shape[2])",
      "1.0000 2"),
  ])
  func `functions of layers take their weights as arguments`(_ snippet: Snippet) throws {
    let prepare =
      "local t = qs.tensor{{1, 2, 3}, {4, 5, 6}}; local i = qs.tensor({{2}, {0}}, {dtype = 'i64'}); "
    #expect(try Script().output(prepare + snippet.text) == snippet.output)
  }

  @Test(arguments: [
    Snippet("shape(t:reshape(3, -1)); shape(t:view({6}))", "3x2\n6"),
    Snippet("shape(t:transpose(1, 2)); shape(t:permute(2, 1)); shape(t:flatten())", "3x2\n3x2\n6"),
    Snippet(
      "shape(t:unsqueeze(1)); shape(t:unsqueeze(-1)); shape(t:unsqueeze(3):squeeze(-1))", "1x2x3\n2x3x1\n2x3"),
    Snippet("shape(t:unsqueeze(1):expand(4, -1, -1)); shape(t[1]:expand(2, 3))", "4x2x3\n2x3"),
    Snippet("shape(qs.cat{t, t}); shape(qs.cat({t, t}, 2)); shape(qs.stack({t, t}, -1))", "4x3\n2x6\n2x3x2"),
    Snippet(
      "shape(qs.zeros(2, 3)); shape(qs.zeros(t.shape)); shape(qs.ones{4}); shape(qs.full({2, 2}, 7))",
      "2x3\n2x3\n4\n2x2"),
    Snippet(
      "shape(qs.eye(3)); shape(qs.arange(5)); shape(qs.arange(1, 2, 0.25)); shape(qs.linspace(0, 1, 7))",
      "3x3\n5\n4\n7"),
    Snippet(
      "shape(t:gather(2, qs.tensor({{0}, {2}}, {dtype = 'i64'}))); shape(t:index_select(2, qs.arange(2, {dtype = 'i64'})))",
      "2x1\n2x2"),
    Snippet("shape(qs.arange(3, {dtype = 'i64'}):one_hot(4)); shape(t:masked_select(t:gt(2)))", "3x4\n4"),
    Snippet(
      "print(qs.where(t:gt(2), t, 0):sum():item(), t:masked_fill(t:gt(2), -1):sum():item())", "18.0 -1.0"),
  ])
  func `shapes are as asked for`(_ snippet: Snippet) throws {
    let text = """
      local t = qs.tensor{{1, 2, 3}, {4, 5, 6}}
      local function shape(x) print(table.concat(x.shape, "x")) end
      """
    let output = try Script().output(text + "\n" + snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet("t:add_(1):mul_(2); print(t:sum():item())", "18.0"),
    Snippet("t:fill_(3); print(t:sum():item()); t:zero_(); print(t:sum():item())", "9.0\n0.0"),
    Snippet(
      "t:copy_(qs.tensor({7, 8, 9}, {dtype = 'i64'})); t:clamp_(nil, 8); print(t[3]:item(), t.dtype)",
      "8.0 f32"),
    Snippet("local c = t:clone(); t:zero_(); print(c:sum():item(), t:detach():sum():item())", "6.0 0.0"),
  ])
  func `a trailing underscore changes in place`(_ snippet: Snippet) throws {
    let output = try Script().output("local t = qs.tensor{1, 2, 3}; " + snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet(
      "local t = qs.tensor{-1, 0, 6}; t.requires_grad = true; t:clamp(-1, 6):sum():backward(); print(t.grad:sum():item())",
      "3.0"),
    Snippet(
      "local t = qs.tensor{0, 3, 6}; t.requires_grad = true; t:relu6():sum():backward(); print(t.grad:sum():item())",
      "1.0"),
    Snippet(
      "local t = qs.tensor{1, 2}; t.requires_grad = true; (t * t):sum():backward(); print(t.grad:totable()[2])",
      "4.0"),
    Snippet(
      "local t = qs.tensor{1, 2}; t.requires_grad = true; (t * 3):backward(qs.ones(2)); print(t.grad:sum():item())",
      "6.0"),
    Snippet(
      "local t = qs.ones(1); t.requires_grad = true; local y = qs.no_grad(function() return t * 2 end); print(y.requires_grad)",
      "false"),
    Snippet(
      "local t = qs.ones(1); t.requires_grad = true; local l = (t * t):sum(); l:backward{retain = true}; l:backward(); print(t.grad:item())",
      "4.0"),
    Snippet("print(qs.no_grad(function() return 1, 2, 3 end))", "1 2 3"),
  ])
  func `gradients flow back`(_ snippet: Snippet) throws {
    let output = try Script().output(snippet.text)
    #expect(output == snippet.output)
  }

  @Test func `the same seed gives the same numbers`() throws {
    let text = """
      qs.seed(7)
      local a = qs.cat{qs.rand(3), qs.randn(2), qs.randint(0, 9, {2}, {dtype = "f32"}), qs.randperm(4, {dtype = "f32"})}
      qs.seed(7)
      local b = qs.cat{qs.rand(3), qs.randn(2), qs.randint(0, 9, {2}, {dtype = "f32"}), qs.randperm(4, {dtype = "f32"})}
      print(a:eq(b):logical_not():to("i64"):sum():item())
      """
    let output = try Script().output(text)
    #expect(output == "0")
  }

  @Test func `a freed tensor cannot be used`() throws {
    #expect(
      try Script().mistake("local t = qs.ones(2); t:free(); print(t + 1)")
        == "script:1: bad argument #1 to '__add' (a: tensor|number expected, got closed tensor)")
  }

  @Test(arguments: [
    Snippet("local seen = {[t] = 1}; print(seen[t:add_(1)], rawequal(t, t:fill_(0)))", "1 true"),
    Snippet("t.requires_grad = true; t:sum():backward(); print(t.grad == t.grad, t.grad == t)", "true false"),
    Snippet("local m = setmetatable({}, {__mode = 'v'}); m[1] = t + 1; collectgarbage(); print(m[1])", "nil"),
    Snippet("local d = t:detach(); t:free(); print(d:sum():item())", "2.0"),
  ])
  func `a tensor is one value wherever it is handed on`(_ snippet: Snippet) throws {
    let output = try Script().output("local t = qs.ones(2); " + snippet.text)
    #expect(output == snippet.output)
  }

  @Test func `a tensor survives a .npy file`() throws {
    let text = """
      local path = os.tmpname()
      qs.tensor{{1, 2}, {3, 4}}:save(path)
      print(qs.npy.load(path))
      os.remove(path)
      """
    let output = try Script().output(text)
    #expect(output == " 1.  2.\n 3.  4.\n[f32 2x2]")
  }
}
