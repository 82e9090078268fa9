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

  @Test(arguments: [
    ("weights = {bits = 9}", "quantize: weights must have 2 to 8 bits (got 9)"),
    ("weights = {bit = 4}", "quantize: weights has no 'bit'"),
    ("weights = {bits = \"four\"}", "bits must be an integer (got a string)"),
    ("weights = {levels = \"ternary\", bits = 2}", "has both bits and levels; leave bits out"),
    ("activations = {bits = 1}", "quantize: activations must have 2 to 8 bits (got 1)"),
    ("layers = {head = {bits = 4}}", "quantize: no layer is called 'head'; there are '"),
  ])
  func `a scheme that makes no sense is refused`(options: String, complaint: String) throws {
    let error = #expect(throws: LuaError.self) {
      try Script().output(
        """
        local data = qs.data.tensors(qs.ones(8, 2), qs.zeros(8, {dtype = "i64"}))
        qs.quantize(nn.sequential{nn.linear(2, 2)}, {calibration = data, \(options)})
        """)
    }
    #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
  }

  @Test func `weights and activations of few bits from Lua`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(64, 8)
      local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
      local model = nn.sequential{nn.linear(8, 16), nn.relu(), nn.linear(16, 4)}
      for _, weights in ipairs{{bits = 4}, {bits = 3, granularity = "tensor"}, {levels = "ternary"}, {levels = "binary"}} do
        local q = qs.quantize(model, {calibration = data, weights = weights,
          activations = {bits = 4, power_of_two = true}, layers = {["*"] = {bits = 8}}})
        print((q(x) - qs.compile(q)(x)):abs():max():item())
      end
      """)
    #expect(output == "0.0\n0.0\n0.0\n0.0")
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

  @Test func `layers stay in float, and weights get few bits without calibration, from Lua`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(64, 8)
      local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
      local model = nn.sequential{nn.linear(8, 16), nn.relu(), nn.linear(16, 4)}
      local function check(options)
        local q = qs.quantize(model, options)
        local program = qs.compile(q)
        local path = os.tmpname()
        program:save(path)
        local y = q(x)
        assert((y - program(x)):abs():max():item() == 0)
        assert((y - qs.load_program(path)(x)):abs():max():item() == 0)
        os.remove(path)
        local labels = {}
        for i, step in ipairs(program.steps) do labels[i] = step.label end
        print(table.concat(labels, " | "))
        return program
      end
      check{calibration = data, leave = {"0"}}
      check{calibration = data, layers = {["*"] = "float", ["2"] = {bits = 4}}, batch_size = 16}
      check{example = x, weights = {bits = 4, group = 16}, activations = {mode = "none"}}
      local program = check{example = x, activations = {mode = "dynamic"}, leave = {"2"}}
      print(#program:profile(x, 0.01), program:bench({seconds = 0.01}).runs > 0)
      """)
    #expect(
      output == """
        float, linear | float, relu | quantize | linear
        float, linear | float, relu | quantize | linear, 4 bits
        low_bit_linear, 4 bits in groups of 16 | float, relu | low_bit_linear, 4 bits in groups of 16
        low_bit_linear, 8 bits, dynamic | float, relu | float, linear
        3 true
        """)
  }

  @Test func `bits are allotted under a budget, and layers given back to float, from Lua`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(64, 32)
      local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
      local model = nn.sequential{nn.linear(32, 64), nn.relu(), nn.linear(64, 64), nn.relu(), nn.linear(64, 4)}
      local graph = qs.capture(model, x)
      local layers, rows = qs.quantization.mixed(model, data, {bytes = 4500})
      local bytes = 0
      for _, row in ipairs(rows) do bytes = bytes + row.bytes end
      print(#rows, bytes <= 4500, rows[1].layer, layers[rows[1].layer] ~= nil)
      local q = qs.quantize(graph, {calibration = data, budget = {bytes = 4500, measure = "kl"}})
      print((q(x) - qs.compile(q)(x)):abs():max():item())
      local few = select(2, qs.quantization.mixed(graph, data, {loss = 1e9}))
      print(few[1].scheme.bits, few[2].scheme.bits, few[3].scheme.bits)
      local timed = select(2, qs.quantization.mixed(graph, data, {microseconds = 1e6, float = true, seconds = 0.01}))
      print(timed[1].scheme, timed[1].microseconds > 0)
      print(pcall(qs.quantization.mixed, graph, data, {bytes = 10}))
      local picks, cost, loss = qs.quantization.allot({{{cost = 1, loss = 3}, {cost = 2, loss = 1}}}, 2)
      print(picks[1], cost, loss)

      local function evaluate(m) return -(m(x) - graph(x)):square():mean():item() end
      local noise = -evaluate(qs.quantize(graph, {calibration = data, weights = {bits = 2}}))
      local guided, left = qs.quantization.guided(graph, data, evaluate, {tolerance = noise / 2, weights = {bits = 2}})
      print(#left > 0, -evaluate(guided) <= noise / 2)
      """)
    #expect(
      output == """
        3 true 0 true
        0.0
        2 2 2
        float true
        false script:16: allot: the cheapest choices cost 2128.0 together, more than the budget of 10.0; raise it, or offer cheaper ones
        2 2.0 1.0
        true true
        """)
  }

  @Test(arguments: [
    ("activations = {mode = \"sometimes\"}", "activations.mode must be \"static\", \"dynamic\" or \"none\""),
    ("layers = {head = 3}", "layers[\"head\"] must be a table like weights, or \"float\""),
    ("leave = {\"*\"}", "nothing is left to quantize"),
    ("weights = {bits = 4, group = 32}", "integer layers take symmetric weights"),
    ("unsupported = \"maybe\"", "unsupported"),
  ])
  func `a recipe that makes no sense is refused`(options: String, complaint: String) throws {
    let error = #expect(throws: LuaError.self) {
      try Script().output(
        """
        local data = qs.data.tensors(qs.ones(8, 2), qs.zeros(8, {dtype = "i64"}))
        qs.quantize(nn.sequential{nn.linear(2, 2)}, {calibration = data, \(options)})
        """)
    }
    #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
  }

  @Test func `a percentile is not silently ignored`() throws {
    let error = #expect(throws: LuaError.self) {
      try Script().output(
        """
        local data = qs.data.tensors(qs.ones(8, 2), qs.zeros(8, {dtype = "i64"}))
        qs.quantize(nn.sequential{nn.linear(2, 2)}, {calibration = data,
          activations = {observer = "minmax", percentile = 99}})
        """)
    }
    #expect(error?.message.contains("activations.percentile needs") == true)
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
