import LuaHost
import Tensors
import Testing

@Suite struct TrainingTests {
  @Test func `a loss written in Lua has the gradient that differences give`() throws {
    let text = """
      local x = qs.tensor({{0.3, -0.7, 1.1}, {0.2, 0.9, -0.4}}, {dtype = "f64"})
      local y = qs.tensor({2, 0}, {dtype = "i64"}):one_hot(3, {dtype = "f64"})
      local function loss(x) return -(x:log_softmax(2) * y):sum(2):mean() + 0.1 * (x ^ 2):mean() end
      x.requires_grad = true
      loss(x):backward()
      local worst, h = 0, 1e-5
      for i = 1, 2 do for j = 1, 3 do
        local up, down = x:clone(), x:clone()
        up[{i, j}], down[{i, j}] = up[{i, j}] + h, down[{i, j}] - h
        local slope = (loss(up):item() - loss(down):item()) / (2 * h)
        worst = math.max(worst, math.abs(slope - x.grad[{i, j}]:item()))
      end end
      print(worst < 1e-8)
      """
    let output = try Script().output(text)
    #expect(output == "true")
  }

  @Test func `an optimizer of the script's own keeps its learning rate`() throws {
    let output = try Script().output(
      """
      local data = qs.data.tensors(qs.ones(8, 2), qs.zeros(8, {dtype = "i64"}))
      local made
      local history = qs.fit(nn.linear(2, 2), data, {epochs = 1, batch_size = 4, schedule = "constant", verbose = false,
        optimizer = function(model) made = qs.optim.sgd(model, {lr = 0.25}) return made end})
      print(made.lr, history[1].lr)
      """)
    #expect(output == "0.25 0.25")
  }

  @Test(.enabled(if: Precision.bf16.isAvailable, "this processor has no bf16 arithmetic"))
  func `training in bf16 learns as well as in fp32, and the same every time`() throws {
    let text = """
      local train, test = qs.data.digits()
      local function trained(precision)
        qs.seed(2)
        local model = nn.sequential{nn.conv2d(1, 16, 3, {padding = 1}), nn.relu(), nn.max_pool2d(2), nn.flatten(),
          nn.linear(256, 10)}
        qs.fit(model, train, {epochs = 15, lr = 1e-2, precision = precision, verbose = false})
        return qs.evaluate(model, test).accuracy, model:checksum()
      end
      local exact, exact_sum = trained()
      local half, half_sum = trained("bf16")
      local _, again = trained("bf16")
      print(exact > 0.95, math.abs(half - exact) < 0.015, half_sum == again, half_sum ~= exact_sum)
      print(qs.with_precision("bf16", function() return 1, nil, "a" end))
      """
    let output = try Script().output(text)
    #expect(output == "true true true true\n1 nil a")
  }

  @Test(arguments: [
    "sgd(model, {lr = 0.1, momentum = 0.9})", "adam(model, {lr = 0.05})", "adamw(model, {lr = 0.05})",
  ])
  func `a loop in Lua learns`(_ optimizer: String) throws {
    let text = """
      qs.seed(1)
      local model = nn.sequential{nn.linear(2, 16), nn.tanh(), nn.linear(16, 2)}
      local x = qs.tensor{{0, 0}, {0, 1}, {1, 0}, {1, 1}}
      local y = qs.tensor({0, 1, 1, 0}, {dtype = "i64"})
      local optimizer = qs.optim.\(optimizer)
      for _ = 1, 200 do
        optimizer:zero_grad()
        local loss = qs.losses.cross_entropy(model(x), y)
        loss:backward()
        optimizer:clip_grad_norm(5)
        optimizer:step()
      end
      print(qs.losses.correct(model(x), y), optimizer.steps)
      """
    let output = try Script().output(text)
    #expect(output == "4 200")
  }

  @Test(arguments: [
    Snippet("losses.nll(x:log_softmax(2), y) - losses.cross_entropy(x, y)", "0.0"),
    Snippet("losses.kl(x:log_softmax(2), x:softmax(2))", "0.0"),
    Snippet("losses.kl(qs.tensor{{0.5, 0.5}}:log(), qs.tensor{{1, 0}}) - math.log(2)", "0.0"),
    Snippet("losses.mse(x, x + 2) - 4", "0.0"),
    Snippet("losses.l1(x, x - 2) - 2", "0.0"),
    Snippet("losses.distillation(x, x, y, 4, 1)", "0.0"),
  ])
  func `losses are what their formulas say`(_ snippet: Snippet) throws {
    let text = """
      local losses, x, y = qs.losses, qs.tensor{{1, 2, 0}, {0, -1, 3}}, qs.tensor({1, 2}, {dtype = "i64"})
      print(string.format("%.1f", (\(snippet.text)):abs():item()))
      """
    let output = try Script().output(text)
    #expect(output == snippet.output)
  }

  @Test func `an optimizer of tensors changes them`() throws {
    let text = """
      local t = qs.tensor{4}
      t.requires_grad = true
      local optimizer = qs.optim.sgd({t}, {lr = 0.5})
      for _ = 1, 3 do optimizer:zero_grad(); (t * t):sum():backward(); optimizer:step() end
      optimizer.lr = 0.25
      print(t:item(), optimizer.lr, qs.optim.cosine(10)(1), qs.optim.warmup(4)(1))
      """
    let output = try Script().output(text)
    #expect(output == "0.0 0.25 1.0 0.25")
  }

  @Test func `batches go through a data set once, and say which examples they hold`() throws {
    let text = """
      local d = qs.data.tensors(qs.arange(10):reshape(10, 1), qs.arange(10, {dtype = "i64"}))
      local seen, sum = 0, 0
      for x, y, index in d:batches{size = 4, shuffle = true} do
        seen = seen + #x
        sum = sum + (x:reshape(-1) - y:float()):abs():sum():item() + (y - index):abs():sum():item()
      end
      print(seen, sum, #d:take(3), #d:skip(3), #d:batches{size = 4, drop_last = true})
      local train, test = qs.data.digits()
      print(#train, #test, table.concat(test:example().shape, "x"))
      """
    let output = try Script().output(text)
    #expect(output == "10 0.0 3 7 2\n1437 360 1x1x8x8")
  }

  @Test func `a model is trained, pruned, quantized and compiled from Lua`() throws {
    let text = """
      qs.seed(3)
      local train, test = qs.data.digits()
      train = train:take(512)
      local model = nn.sequential{nn.flatten(), nn.linear(64, 32), nn.relu(), nn.linear(32, 10)}
      qs.fit(model, train, {epochs = 20, lr = 5e-3, verbose = false})
      local float = qs.evaluate(model, test).accuracy
      qs.prune(model, {sparsity = 0.5, data = train, finetune = {epochs = 2, verbose = false}})
      print(math.abs(qs.pruning.sparsity(model) - 0.5) < 0.02)
      local graph = qs.quantize(model, {calibration = train:take(128)})
      local program = qs.compile(graph)
      local int8 = qs.evaluate(program, test).accuracy
      print(float > 0.85, int8 > float - 0.05, qs.evaluate(graph, test).accuracy == int8)
      local path = os.tmpname()
      program:save(path)
      print(qs.load_program(path)(test.inputs):eq(program(test.inputs)):logical_not():to("i64"):sum():item())
      os.remove(path)
      """
    let output = try Script().output(text)
    #expect(output == "true\ntrue true true\n0")
  }
}
