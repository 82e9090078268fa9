import Testing

/// What `qs.quantize` and `qs.evaluate` say of layers and data.
@Suite struct QuantizationReportTests {
  private static let start = """
    qs.seed(3)
    local train, test = qs.data.digits()
    train = train:take(512)
    local model = nn.sequential{nn.flatten(), nn.linear(64, 32), nn.relu(), nn.linear(32, 24), nn.relu(),
      nn.linear(24, 10)}
    qs.fit(model, train, {epochs = 6, lr = 5e-3, verbose = false})
    local example = (train:take(2):example())
    local function trained(o)
      local aware = qs.qat(model, example, o)
      qs.fit(aware, train, {epochs = 6, lr = 5e-3, freeze = 5, verbose = false})
      return qs.quantize(aware, {calibration = train:take(8)}), aware
    end

    """

  @Test(arguments: ["minmax", "pact", "dorefa"])
  func `a trained graph is compared with what it was trained to be, clips and all`(_ method: String) throws {
    let output = try Script().output(
      Self.start + """
        local q, aware = trained{method = "\(method)", weights = {bits = 8}}
        local a, b = qs.quantization.report(q), qs.quantization.diagnose(q, aware, train:take(8))
        local clipped = 0
        for _, row in ipairs(a.layers) do clipped = math.max(clipped, row.clipped) end
        print(a.sqnr > 30, math.abs(a.sqnr - b.sqnr) < 1e-3, clipped < 0.02, #a.problems)
        """)
    #expect(output == "true true true 0", "\(output)")
  }

  @Test func `its remedies are options of training`() throws {
    let output = try Script().output(
      Self.start + """
        local q = trained{weights = {bits = 2}, activations = {bits = 2}}
        local advised = 0
        for _, row in ipairs(qs.quantization.report(q).layers) do
          if row.remedy then
            advised = advised + 1
            assert(row.remedy:find("qs.qat", 1, true), row.remedy)
          end
        end
        print(advised > 0)
        """)
    #expect(output == "true", "\(output)")
  }

  @Test func `inputs without samples stay whole`() throws {
    let output = try Script().output(
      """
      qs.seed(1)
      local model = nn.model{ids = nn.embedding(20, 16), places = nn.embedding(40, 16), out = nn.linear(16, 4),
        forward = function(self, ids, places) return self.out(self.ids(ids) + self.places(places)) end}
      local ids, places = (qs.rand(48, 40) * 20):floor():to("i64"), qs.arange(0, 40):to("i64")
      local q = qs.quantize(model, {example = {ids, places}, activations = {mode = "none"}})
      print(#qs.quantization.report(q).layers)
      local rnn = nn.model{l = nn.lstm(6, 16), o = nn.linear(16, 2),
        forward = function(self, x) return self.o((self.l(x))) end}
      print(#qs.quantization.report(qs.quantize(rnn, {example = qs.randn(40, 4, 6), activations = {mode = "none"}})).layers)
      """)
    #expect(output == "3\n1", "\(output)")
  }

  @Test func `weights that a method does not take are named, and follow the observer`() throws {
    let output = try Script().output(
      """
      qs.seed(5)
      local x = qs.randn(64, 7, 6)
      local model = nn.model{rnn = nn.lstm(6, 16, {batch_first = true}), out = nn.linear(16, 3),
        forward = function(self, x) return self.out((self.rnn(x)):narrow(2, 7, 1):squeeze(2)) end}
      local function quantized(o)
        o.calibration = {{x}}
        o.weights = o.weights or {bits = 3}
        local q = qs.quantize(model, o)
        local report = qs.quantization.report(q)
        for _, row in ipairs(report.layers) do
          if row.op == "sequence_lstm" then return row.sqnr, report.problems[1] or "" end
        end
      end
      local plain, said = quantized{}
      local fitted = quantized{weights = {bits = 3, observer = "mse"}}
      print(fitted > plain, said)
      print((select(2, quantized{method = "gptq"})))
      """)
    #expect(
      output == """
        true 
        method "gptq" is for convolutions and linear layers; the weights of 'rnn_2' are rounded to the nearest
        """, "\(output)")
  }

  @Test func `the budget of time is that of one sample, whatever holds the data`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(256, 64)
      local model = nn.sequential{nn.linear(64, 512), nn.relu(), nn.linear(512, 4)}
      local function spent(data)
        local _, rows = qs.quantization.mixed(model, data, {microseconds = 1e6, schemes = {{bits = 8}}, seconds = 0.05})
        return rows[1].microseconds
      end
      local set = spent(qs.data.tensors(x, qs.zeros(256, {dtype = "i64"})))
      -- A batch of 256 takes some hundred times as long as a sample.
      print(spent{{x}} < 20 * set)
      """)
    #expect(output == "true", "\(output)")
  }

  @Test func `a budget keeps the rest of the recipe`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(64, 32)
      local model = nn.sequential{nn.linear(32, 64), nn.relu(), nn.linear(64, 4)}
      local data, budget = {{x}}, {bytes = 1800}
      local function result(o)
        o.calibration = data
        return qs.quantize(model, o)(x)
      end
      local schemes = {}
      for i, bits in ipairs{8, 4, 3, 2} do schemes[i] = {bits = bits, power_of_two = true} end
      local chosen = qs.quantization.mixed(model, data, {bytes = 1800, schemes = schemes})
      local found = result{budget = budget, weights = {power_of_two = true}}
      print((found - result{layers = chosen}):abs():max():item(), (found - result{budget = budget}):abs():max():item() > 0)
      """)
    #expect(output == "0.0 true", "\(output)")
  }

  @Test func `data unlike that of calibration is named where a program is evaluated`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local function data(scale) return qs.rand(64, 8) * scale end
      local model = nn.sequential{nn.linear(8, 4)}
      local program = qs.compile(qs.quantize(model, {calibration = {{data(1)}}}))
      print(#program:check_inputs(data(1)))
      print(program:check_inputs(data(255))[1]:match("of input.*"))
      print(program:check_inputs(data(0.01))[1]:match("use .-%%"))
      print((select(2, pcall(program.check_inputs, program))))
      """)
    #expect(
      output == """
        0
        of input 'input' lie outside 0.0...0.99935055, the range that the program was calibrated for; scale and normalise these numbers and those to calibrate with in the same way, or use an observer that clips less
        use 1.0 %
        script:8: program: takes 1 inputs, got 0
        """, "\(output)")
  }
}
