import LuaHost
import Testing

/// Options of `qs.quantize` and `qs.qat`: each is heeded or refused.
@Suite struct QuantizeTests {
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

  private static let start = """
    qs.seed(2)
    local x = qs.randn(64, 32)
    local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
    local model = nn.sequential{nn.linear(32, 32), nn.relu(), nn.linear(32, 4)}
    local example = (data:take(2):example())

    """

  @Test(arguments: [
    ("weights = {bits = 9}", "quantize: weights must have 2 to 8 bits (got 9)"),
    ("weights = {bit = 4}", "quantize: weights has no 'bit'"),
    ("weights = {bits = \"four\"}", "bits must be an integer (got a string)"),
    ("weights = {levels = \"ternary\", bits = 2}", "has both bits and levels; leave bits out"),
    ("weights = {bits = 4, group = 32}", "integer layers take symmetric weights"),
    ("activations = {bits = 1}", "quantize: activations must have 2 to 8 bits (got 1)"),
    ("activations = {mode = \"sometimes\"}", "activations.mode must be \"static\", \"dynamic\" or \"none\""),
    (
      "activations = {observer = \"minmax\", percentile = 99}",
      "activations.percentile needs activations.observer"
    ),
    (
      "activations = {observer = \"mse\", momentum = 0.5}",
      "activations.momentum needs activations.observer = \"moving_average\""
    ),
    ("activations = {percentile = 99, momentum = 0.5}", "activations.momentum needs activations.observer"),
    ("layers = {head = {bits = 4}}", "quantize: no layer is called 'head'; there are '0', '2'"),
    ("layers = {[\"1\"] = {bits = 4}}", "quantize: '1' has no weights that could have bits of their own"),
    ("layers = {head = 3}", "layers[\"head\"] must be a table like weights, or \"float\""),
    ("leave = {\"*\"}", "nothing is left to quantize"),
    ("leave = {[\"0\"] = true}", "option 'leave' must be a list of names of layers"),
    ("weights = {observer = \"entropy\"}", "weights.observer must be \"minmax\" or \"mse\" (got 'entropy')"),
    (
      "method = \"gptq\", method_options = {weights = {bits = 2}}",
      "method_options has 'weights', which is an option of qs.quantize"
    ),
    ("method = \"awq\", method_options = {insert = true}", "which needs layers in float"),
    (
      "budget = {bytes = 900}, weights = {bits = 2}",
      "option 'budget' chooses the bits; leave weights.bits and weights.levels out"
    ),
    ("unsupported = \"maybe\"", "unsupported"),
    ("method_options = {damping = 1}", "method \"round\" has none"),
    ("method = \"hqq\", weights = {observer = \"mse\"}", "\"hqq\" chooses scales by itself"),
    (
      "activations = {mode = \"none\", bits = 8}",
      "activations.bits has no meaning with activations.mode = \"none\": activations stay f32; leave it out"
    ),
    (
      "activations = {mode = \"dynamic\", observer = \"mse\"}",
      "activations.observer has no meaning with activations.mode = \"dynamic\": each row gets 8 bits"
    ),
    (
      "activations = {mode = \"dynamic\"}, unsupported = \"refuse\"",
      "option 'unsupported' has no meaning here: all but linear layers and embeddings stays in f32"
    ),
  ])
  func `a recipe that makes no sense is refused`(options: String, complaint: String) throws {
    let mistake = try Script().mistake(Self.start + "qs.quantize(model, {calibration = data, \(options)})")
    #expect(mistake.contains(complaint), "\(mistake)")
  }

  @Test(arguments: [
    "method = \"gptq\"", "method_options = {damping = 1}", "equalize = true",
    "bias_correction = \"empirical\"",
    "budget = {bytes = 100}", "unsupported = \"float\"",
  ])
  func `what a trained graph cannot heed is refused`(option: String) throws {
    let mistake = try Script().mistake(Self.start + "qs.quantize(qs.qat(model, example), {\(option)})")
    let name = option.prefix { $0 != " " }
    #expect(
      mistake.contains("quantize: option '\(name)' has no meaning here: a graph of qs.qat has"), "\(mistake)")
  }

  @Test func `a report needs inputs to look at`() throws {
    let trained = try Script().mistake(Self.start + "qs.quantize(qs.qat(model, example), {report = true})")
    #expect(trained.contains("option 'report' needs option 'calibration'"), "\(trained)")
    let few = try Script().mistake(
      Self.start + "qs.quantize(qs.capture(model, x), {activations = {mode = \"none\"}, report = true})")
    #expect(few.contains("option 'report' needs option 'calibration' or 'example'"), "\(few)")
  }

  @Test func `every way to quantize keeps a report`() throws {
    let output = try Script().output(
      Self.start + """
        local function show(q)
          local report = qs.quantization.report(q)
          local names = {}
          for i, row in ipairs(report.layers) do names[i] = row.layer .. " " .. row.op end
          table.sort(names)
          print(report.sqnr > 15, table.concat(names, ", "), #report.problems)
        end
        show(qs.quantize(model, {calibration = data}))
        show(qs.quantize(model, {calibration = data, leave = {"0"}}))
        show(qs.quantize(model, {example = x, weights = {bits = 4, group = 16}, activations = {mode = "none"}}))
        show(qs.quantize(model, {calibration = data, activations = {mode = "dynamic"}}))
        local aware = qs.qat(model, example)
        qs.fit(aware, data, {epochs = 1, verbose = false})
        show(qs.quantize(aware, {calibration = data}))
        local odd = nn.model{a = nn.linear(32, 8), b = nn.linear(8, 4),
          forward = function(self, x) return self.b(self.a(x):exp()) end}
        show(qs.quantize(odd, {calibration = data, unsupported = "float"}))
        local words = nn.model{e = nn.embedding(9, 16), l = nn.lstm(16, 8, {batch_first = true}), o = nn.linear(8, 2),
          forward = function(self, ids) return self.o((self.l(self.e(ids))):mean(2)) end}
        local ids = (qs.rand(40, 5) * 9):floor():to("i64")
        show(qs.quantize(words, {calibration = {{ids}}, activations = {mode = "dynamic"}}))
        local sequences = nn.model{l = nn.lstm(16, 8, {batch_first = true}), o = nn.linear(8, 2),
          forward = function(self, x) return self.o((self.l(x))) end}
        show(qs.quantize(sequences, {calibration = {{qs.randn(40, 5, 16)}}}))
        """)
    #expect(
      output == """
        true 0 linear, 2 linear 0
        true 2 linear 0
        true 0 linear, 2 linear 0
        true 0 linear, 2 linear 0
        true 0 linear, 2 linear 0
        true a linear, b linear 0
        true e embedding, o linear 0
        true l_2 sequence_lstm, o linear 0
        """)
  }

  @Test func `a budget holds for lists of batches, in time as well, and for weights alone`() throws {
    let output = try Script().output(
      Self.start + """
        local batches = {{x:narrow(1, 1, 40)}, {x:narrow(1, 41, 24)}}
        local function bytes(o)
          local _, rows = qs.quantization.mixed(model, batches, o)
          local sum = 0
          for _, row in ipairs(rows) do sum = sum + row.bytes end
          return sum
        end
        print(bytes{bytes = 800} <= 800, bytes{microseconds = 1e6, seconds = 0.01} > 0)
        local _, rows = qs.quantization.mixed(model, batches, {bytes = 800, measure = "hessian"})
        print(#rows, rows[1].loss > 0)
        local q = qs.quantize(model, {calibration = batches, budget = {bytes = 800}})
        print((q(x) - qs.compile(q)(x)):abs():max():item())
        local w = qs.quantize(model, {calibration = batches, budget = {microseconds = 1e6, seconds = 0.01},
          activations = {mode = "none"}, layers = {["2"] = {bits = 2}}})
        for _, step in ipairs(qs.compile(w).steps) do print(step.label) end
        local _, mistake = pcall(qs.quantize, model, {example = x, budget = {bytes = 800}, activations = {mode = "none"}})
        print((mistake:gsub("^script:%d+: ", "")))
        local kept = nn.sequential{nn.conv2d(1, 2, 3), nn.flatten(), nn.linear(72, 4)}
        local image = qs.randn(40, 1, 8, 8)
        local half = qs.quantize(kept, {calibration = {{image}}, weights = {bits = 2}, method = "gptq",
          activations = {mode = "none"}})
        print((half:state()["0.weight"] - kept:state()["0.weight"]):abs():max():item())
        """)
    #expect(
      output == """
        true true
        2 true
        0.0
        low_bit_linear, 8 bits
        float, relu
        low_bit_linear, ternary
        quantize: option 'budget' needs option 'calibration': samples to see what few bits do to each layer
        0.0
        """)
  }

  @Test func `what is odd about weights and data is told with its remedy`() throws {
    let output = try Script().output(
      """
      qs.seed(4)
      local model = nn.sequential{nn.linear(8, 6), nn.relu(), nn.linear(6, 4), nn.relu(), nn.linear(4, 3)}
      local state = model:state()
      state["0.weight"][2]:zero_()
      state["2.weight"]:zero_()
      state["2.bias"]:fill_(-1)
      model:load_state(state)
      local q = qs.quantize(model, {calibration = {{qs.randn(1, 8)}}})
      for _, problem in ipairs(qs.quantization.report(q).problems) do print(problem) end
      for _, row in ipairs(qs.quantization.report(q).layers) do
        if row.cause == "all-zero channel" then print(row.layer, row.text) end
      end
      """)
    #expect(
      output == """
        1 calibration sample is too few to know the ranges of activations; give a few hundred of the training data
        '3' is 0 for all of the calibration data, and so it will be for all other data; give data that reaches it, or take it out of the model
        output channel 2 of layer '0' has no weight other than 0; take such channels out of the model, or see whether its weights were loaded
        output channels 1, 2, 3 and 1 more of layer '2' have no weight other than 0; take such channels out of the model, or see whether its weights were loaded
        0 output channel 2 of its weight is 0 throughout
        2 output channels 1, 2, 3 and 1 more of its weight are 0 throughout
        """)
  }

  @Test func `layers left in float train, and ship the same bits`() throws {
    let output = try Script().output(
      """
      qs.seed(3)
      local train, test = qs.data.digits()
      local example = (train:take(2):example())
      local function check(model, o)
        qs.seed(5)
        local aware = qs.qat(model, example, o)
        qs.fit(aware, train, {epochs = 4, lr = 5e-3, freeze = 3, verbose = false})
        local graph = qs.quantize(aware)
        local program = qs.compile(graph)
        qs.assert_exact(graph, program, test)
        local labels, x = {}, test.inputs
        for i, step in ipairs(program.steps) do labels[i] = step.label end
        local y, z = qs.no_grad(function() return aware:eval()(x), program(x) end)
        print(qs.evaluate(program, test).accuracy > 0.6,
          ((y - z):square():sum() / y:square():sum()):item() < 0.01, table.concat(labels, " | "))
      end
      local function net()
        return nn.sequential{nn.conv2d(1, 8, 3, {padding = 1}), nn.batch_norm2d(8), nn.relu(), nn.max_pool2d(2),
          nn.flatten(), nn.linear(128, 24), nn.relu(), nn.linear(24, 10)}
      end
      check(net(), {leave = {"0"}})
      check(net(), {method = "lsq", weights = {bits = 4}, layers = {["5"] = "float"}})
      check(net(), {layers = {["7"] = "float"}})
      check(nn.model{a = nn.sequential{nn.flatten(), nn.linear(64, 24)}, b = nn.linear(24, 10),
        forward = function(self, x) return self.b((self.a(x) * 0.1):exp()) end}, {unsupported = "float"})
      """)
    let lines = output.split(separator: "\n")
    #expect(lines.count == 4 && lines.allSatisfy { $0.hasPrefix("true true ") }, "\(output)")
    #expect(lines.last?.contains("float, exp") == true, "\(output)")
    #expect(lines.first?.contains("float, conv2d") == true, "\(output)")
  }
}
