import LuaHost
import Testing

@Suite struct PostTrainingTests {
  private static let model = """
    qs.seed(3)
    local train = qs.data.digits()
    local calibration = train:take(96)
    local m = nn.sequential{
      nn.conv2d(1, 8, 3, {padding = 1}), nn.batch_norm2d(8), nn.relu(), nn.max_pool2d(2), nn.flatten(),
      nn.linear(128, 24), nn.relu(), nn.linear(24, 10) }
    for _ = 1, 60 do qs.no_grad(function() m(train.inputs:narrow(1, 1, 256)) end) end -- for batch norm
    m:eval()

    """

  @Test(arguments: [
    "{}", "{weights = {bits = 4, observer = 'mse'}}", "{weights = {bits = 4}, method = 'gptq'}",
    "{weights = {bits = 4}, method = 'gptq', method_options = {act_order = true, sequential = true}}",
    "{weights = {bits = 4}, method = 'adaround', method_options = {iterations = 50}}",
    "{weights = {bits = 4}, method = 'hqq'}", "{weights = {bits = 4}, method = 'awq'}",
    "{method = 'smoothquant'}",
    "{weights = {granularity = 'tensor'}, equalize = true}",
    "{weights = {bits = 4}, bias_correction = 'empirical'}",
    "{weights = {bits = 4}, bias_correction = 'analytic'}", "{activations = {observer = 'entropy'}}",
    "{activations = {observer = 'moving_average', momentum = 0.5}}", "{activations = {observer = 'mse'}}",
  ])
  func `each method ends in a program that computes nearly what the model does`(options: String) throws {
    let script = try Script()
    let output = try script.output(
      Self.model + """
        local o = \(options)
        o.calibration = calibration
        local q = qs.quantize(m, o)
        local x = train.inputs:narrow(1, 500, 64)
        local y, z = qs.no_grad(function() return m(x), q(x) end)
        print(((y - z):square():sum() / y:square():sum()):item() < 0.2)
        print((qs.compile(q)(x) - z):abs():max():item())
        local report = qs.quantization.report(q)
        print(report.sqnr > 10, #report.layers, #report.problems)
        """)
    let lines = output.split(separator: "\n")
    #expect(lines[0] == "true" && lines[1] == "0.0", "\(output)")
    #expect(lines[2].hasPrefix("true\t") || lines[2].hasPrefix("true "), "\(output)")
  }

  @Test func `the report is a table, worst layer first`() throws {
    let output = try Script().output(
      Self.model + """
        local q = qs.quantize(m, {calibration = calibration, weights = {bits = 2, granularity = "tensor"}})
        print(qs.quantization.report(q))
        print(qs.quantization.diagnose(q, m, train))
        """)
    #expect(output.hasPrefix("SQNR of the result: "))
    #expect(
      output.contains("SQNR dB") && output.contains("gain dB") && output.contains(". Try: "), "\(output)")
  }

  @Test func `calibration data of the wrong range, and too little of it, are told`() throws {
    let output = try Script().output(
      Self.model + """
        local graph = qs.capture(m, (train:example()))
        for _, problem in ipairs(qs.quantization.check_calibration(graph, train:normalized{scale = 1 / 255}:take(3))) do
          print(problem)
        end
        print(#qs.quantization.check_calibration(graph, train:take(200)))
        """)
    let lines = output.split(separator: "\n")
    #expect(lines.count == 3, "\(output)")
    #expect(lines[0].hasPrefix("3 calibration samples are too few"))
    #expect(
      lines[1].hasPrefix(
        "the calibration data is not like the training data: what batch norm '1' reads varies 2"))
    #expect(lines[2] == "0")
  }

  @Test func `several inputs come as lists of batches`() throws {
    let output = try Script().output(
      """
      qs.seed(1)
      local m = nn.model{ a = nn.linear(32, 16), b = nn.linear(16, 4),
        forward = function(self, x, y) return self.b((self.a(x) + y):relu()) end }
      local batches = {}
      for i = 1, 3 do batches[i] = {qs.randn(20, 32), qs.randn(20, 16)} end
      local graph = qs.capture(m, table.unpack(batches[1]))
      for _, method in ipairs{"gptq", "awq", "adaround"} do
        local done = 0
        local rounded = qs.quantization[method](graph, batches, {
          weights = {bits = 4, group = 16}, iterations = method == "adaround" and 20 or nil,
          progress = function(n, total, layer) done = n end })
        local x, y = table.unpack(batches[2])
        local a, b = qs.no_grad(function() return m(x, y), rounded(x, y) end)
        print(done, ((a - b):square():sum() / a:square():sum()):item() < 0.05)
      end
      """)
    #expect(output == "2 true\n2 true\n2 true")
  }

  @Test func `an interrupt stops long work`() throws {
    let script = try Script()
    let vm = script.vm
    vm.register(
      Library("", "", [Function("interrupt", "As Ctrl-C.") { () -> Void in vm.requestInterrupt() }]))
    #expect(throws: LuaInterrupted.self) {
      try script.vm.run(
        Self.model + """
          local graph = qs.capture(m, (train:example()))
          qs.quantization.adaround(graph, calibration, {iterations = 10000000, progress = function() interrupt() end})
          """, chunk: "=script")
    }
  }

  @Test(arguments: [
    Snippet(
      "qs.quantize(m, {calibration = calibration, method = 'gptQ'})",
      "quantize: option 'method' must be one of 'adaround', 'awq', 'gptq', 'hqq', 'round' or 'smoothquant' (got 'gptQ')"
    ),
    Snippet(
      "qs.quantize(m, {calibration = calibration, equalize = true, bias_correction = 'analytic'})",
      "quantize: bias_correction = \"analytic\" goes by the batch norms as they were trained, which equalize, smoothquant "
        + "and awq scale; use \"empirical\""),
    Snippet(
      "qs.quantization.gptq(qs.capture(m, (train:example())), calibration, {damping = 0})",
      "gptq: option 'damping' must be above 0 and at most 1 (got 0"),
    Snippet(
      "qs.quantize(nn.sequential{nn.relu(), nn.batch_norm2d(1)}:eval(), {calibration = calibration})",
      "quantize: batch norm '1' could not be folded (no convolution or linear layer feeds it; it stays a node of its own); "
        + "put it right behind a convolution or linear layer that nothing else reads"),
  ])
  func `a mistake says how to mend it`(_ snippet: Snippet) throws {
    #expect(try Script().mistake(Self.model + snippet.text).contains(snippet.output))
  }
}
