import LuaHost
import Testing

/// `qs.qat` on the digits, from training to a program whose bits are those of the graph.
@Suite struct QuantizationAwareTests {
  private static let start = """
    qs.seed(3)
    local train, test = qs.data.digits()
    train = train:take(768)
    local model = nn.sequential{nn.flatten(), nn.linear(64, 32), nn.batch_norm1d(32), nn.relu(), nn.linear(32, 24),
      nn.relu(), nn.linear(24, 10)}
    local example = (train:take(2):example())
    """

  @Test(arguments: [
    "{method = \"lsq\", weights = {bits = 4}, activations = {bits = 4}}",
    "{method = \"pact\", weights = {bits = 4}, activations = {bits = 4}}", "{method = \"dorefa\"}",
    "{method = \"ternary\"}", "{method = \"binary\", layers = {[\"*\"] = {levels = \"binary\"}}}",
    "{weights = {bits = 5}, activations = {bits = 6}}",
  ])
  func `a method trains, and what it ships is exact`(_ options: String) throws {
    let output = try Script().output(
      Self.start + """

        local aware = qs.qat(model, example, \(options))
        qs.fit(aware, train, {epochs = 12, lr = 5e-3, freeze = 11, verbose = false})
        local graph = qs.quantize(aware)
        local program = qs.compile(graph)
        local found = qs.assert_exact(graph, program, test)
        print(qs.evaluate(program, test).accuracy > 0.8, found.samples, found.instruction_sets[1])
        """)
    #expect(output == "true 360 portable")
  }

  @Test func `a table of weights keeps what the method means where it does not say`() throws {
    let output = try Script().output(
      Self.start + """

        -- Numbers that the weights of the middle layer's first output have.
        local function levels(o)
          local aware = qs.qat(model, example, o)
          qs.fit(aware, train, {epochs = 1, verbose = false})
          local seen, count = {}, 0
          for _, number in ipairs(qs.quantize(aware):state()["4.weight"][1]:totable()) do seen[number] = true end
          for _ in pairs(seen) do count = count + 1 end
          return count
        end
        print(levels{method = "ternary", weights = {granularity = "tensor"}})
        print(levels{method = "binary", weights = {granularity = "tensor"}})
        print(levels{method = "pact", weights = {granularity = "tensor"}} <= 16)
        """)
    #expect(output == "3\n2\ntrue", "\(output)")
  }

  @Test func `a student learns from a teacher while it is quantized`() throws {
    let output = try Script().output(
      Self.start + """

        qs.fit(model, train, {epochs = 10, lr = 5e-3, verbose = false})
        local student = nn.sequential{nn.flatten(), nn.linear(64, 16), nn.relu(), nn.linear(16, 16), nn.relu(),
          nn.linear(16, 10)}
        local aware = qs.qat(student, example, {method = "lsq", weights = {bits = 2}, activations = {bits = 4}})
        qs.distill{teacher = model, student = aware, data = train, epochs = 15, lr = 5e-3, verbose = false}
        local graph = qs.quantize(aware)
        print(qs.evaluate(qs.compile(graph), test).accuracy > 0.75)
        """)
    #expect(output == "true")
  }

  @Test(arguments: [
    Snippet("qs.qat(model, example, {method = \"lsd\"})", "option 'method' must be"),
    Snippet("qs.qat(model, example, {method = \"lsq\", weights = {bit = 4}})", "qat: weights has no 'bit'"),
    Snippet(
      "qs.qat(model, example, {edge_bits = 1})", "the first and last layers must have 2 to 8 bits (got 1)"),
    Snippet(
      "qs.qat(model, example, {method = \"ternary\", weights = {bits = 4}})",
      "method 'ternary' has weights of its own levels"),
    Snippet(
      "qs.qat(model, example, {method = \"dorefa\", weights = {granularity = \"channel\"}})",
      "weights.granularity has no meaning with method \"dorefa\""),
    Snippet("qs.qat(model, example, {penalty = 1})", "option 'penalty' is of method \"pact\""),
    Snippet("qs.qat(model, example, {leave = {[\"1\"] = true}})", "qat: option 'leave' must be a list"),
    Snippet("qs.fit(model, train, {freeze = 1})", "option 'freeze' needs a graph"),
    Snippet(
      "qs.quantize(qs.qat(model, example), {weights = {bits = 4}})", "has the grids it was trained with"),
    Snippet(
      "local g = qs.capture(model, example); qs.assert_exact(g, qs.compile(qs.quantize(model, {calibration = train})), test)",
      "give the graph that qs.quantize answered"),
  ])
  func `a mistake is named`(_ snippet: Snippet) throws {
    let mistake = try Script().mistake(Self.start + "\n" + snippet.text)
    #expect(mistake.contains(snippet.output), "\(mistake)")
  }
}
