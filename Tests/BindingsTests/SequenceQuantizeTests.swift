import Testing

/// `qs.quantize` and `qs.qat` on networks with an LSTM layer.
@Suite struct SequenceQuantizeTests {
  private static let start = """
    qs.seed(5)
    local x = qs.randn(64, 7, 6)
    local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
    local model = nn.model{rnn = nn.lstm(6, 16, {batch_first = true}), out = nn.linear(16, 3),
      forward = function(self, x) return self.out((self.rnn(x)):narrow(2, 7, 1):squeeze(2)) end}
    local function apart(a, b) return ((a - b):square():sum() / a:square():sum()):item() end
    -- The bytes of the program, which gives the bits of the graph, also from its file.
    local function bytes(graph)
      local path, program = os.tmpname(), qs.compile(graph)
      program:save(path)
      assert((qs.load_program(path)(x) - graph(x)):abs():max():item() == 0)
      local file <close> = io.open(path, "rb")
      os.remove(path)
      return file:seek("end")
    end

    """

  @Test func `the layer gets the weights asked for, and a row in the report`() throws {
    let output = try Script().output(
      Self.start + """
        local eight = qs.quantize(model, {calibration = data})
        local four = qs.quantize(model, {calibration = data, weights = {bits = 4}})
        local one = qs.quantize(model, {calibration = data, layers = {["rnn*"] = {bits = 4}}})
        -- 4 * 16 gates read 6 inputs and 16 states: 1,408 weights, of which half the bits go.
        print(bytes(eight) - bytes(four) > 600, bytes(eight) - bytes(one) > 600)
        local y = model(x)
        print(apart(y, eight(x)) < 1e-3, apart(y, four(x)) > 1e-3, apart(y, four(x)) < 0.1)
        for _, graph in ipairs{eight, four} do
          local found = 0
          for _, row in ipairs(qs.quantization.report(graph).layers) do
            if row.op == "sequence_lstm" and row.cosine > 0.9 then found = found + 1 end
          end
          print(found)
        end
        """)
    #expect(output == "true true\ntrue true true\n1\n1", "\(output)")
  }

  @Test func `training rounds its weights as they ship`() throws {
    let output = try Script().output(
      Self.start + """
        local aware = qs.qat(model, x, {weights = {bits = 4}, layers = {["rnn*"] = {bits = 3}}})
        qs.fit(aware, data, {epochs = 3, lr = 1e-2, freeze = 2, verbose = false})
        aware:eval()
        local shipped = qs.quantize(aware, {calibration = data})
        print(bytes(shipped) < 0.8 * bytes(qs.quantize(model, {calibration = data})))
        print(apart(aware(x), shipped(x)) < 1e-3)
        """)
    #expect(output == "true\ntrue", "\(output)")
  }

  @Test func `guided quantization takes observers, and keeps the report of what it answers`() throws {
    let output = try Script().output(
      """
      qs.seed(2)
      local x = qs.randn(64, 16)
      local data = qs.data.tensors(x, qs.zeros(64, {dtype = "i64"}))
      local graph = qs.capture(nn.sequential{nn.linear(16, 24), nn.relu(), nn.linear(24, 4)}, x)
      local tried = 0
      local function worth(m) tried = tried + 1; return tried == 2 and -1 or 0 end
      local found, left = qs.quantization.guided(graph, data, worth,
        {tolerance = 0.5, weights = {bits = 3, observer = "mse"}, activations = {observer = "mse"}})
      print(#left, #qs.quantization.report(found).layers)
      """)
    #expect(output == "1 1")
  }
}
