import LuaHost
import Testing

/// The formulas of the textbooks on four numbers, worked out by hand.
@Suite struct ClassicQuantizationTests {
  private func output(_ text: String) throws -> String {
    try Script().output(
      """
      local classic, x = qs.quantization.classic, qs.tensor{-1, -0.3, 0.2, 2}
      local function show(t, format)
        local parts = {}
        for i = 1, #t do parts[i] = string.format(format or "%.4g", t[i]:item()) end
        return table.concat(parts, " ")
      end
      local function both(result) print(show(result.codes) .. " | " .. show(result.values)) end
      \(text)
      """)
  }

  @Test(arguments: [
    Snippet("classic.floor_minmax(x, {bits = 2})", "-1 -1 0 2 | -1 -1 0 2"),
    Snippet("classic.floor_minmax_relu(x, {bits = 2})", "0 0 0 3 | 0 0 0 2"),
    Snippet("classic.affine(x, {range = {-2, 1}})", "-2 -1 -1 1 | -1 0 0 2"),
    Snippet("classic.affine(x, {range = {0, 3}, low = -1, high = 1})", "0 2 2 3 | -1.333 0 0 0.6667"),
    Snippet("classic.fixed_point(x, {bits = 2})", "-4 -1 1 8 | -1 -0.25 0.25 2"),
    Snippet("classic.fixed_point(qs.tensor{0.5}, {bits = 8})", "128 | 0.5"),
    Snippet("classic.uniform(x, {levels = 7})", "0 1 2 6 | -1 -0.5 0 2"),
    Snippet("classic.compensate(x, classic.uniform(x, {levels = 7}))", "0 1 2 6 | -0.9 -0.4 0.1 2.1"),
    Snippet("classic.correct(x, classic.uniform(x, {levels = 7}))", "0 1 2 6 | -0.8675 -0.3819 0.1036 2.046"),
    Snippet("classic.floor_minmax(qs.tensor{3, 3}, {bits = 8})", "3 3 | 3 3"),
    Snippet("classic.affine(qs.tensor{3, 3}, {range = {0, 255}})", "255 255 | 3 3"),
  ])
  func `a scheme is what its formula says`(_ snippet: Snippet) throws {
    #expect(try output("both(\(snippet.text))") == snippet.output)
  }

  /// (max - min) / s is 254.99999999999997 as often as 255.
  @Test func `the highest value gets the highest code`() throws {
    let found = try output(
      """
      qs.seed(2)
      local wrong = 0
      for i = 1, 300 do
        local x = qs.randn(20)
        for _, levels in ipairs{3, 15, 255, 256, 1000} do
          wrong = wrong + (classic.uniform(x, {levels = levels}).codes:max():item() == levels - 1 and 0 or 1)
        end
      end
      print(wrong)
      """)
    #expect(found == "0")
  }

  @Test func `the table has every scheme, and each step takes error away`() throws {
    let found = try output(
      """
      qs.seed(2)
      local rows = classic.compare(qs.randn(1000), {bits = 6})
      local rms = {}
      for i, row in ipairs(rows) do rms[row.scheme] = row.rms end
      print(#rows, rms["uniform, compensated"] < 0.6 * rms["uniform, 64 levels"],
        rms["uniform, corrected"] <= rms["uniform, compensated"], tostring(rows):match("^scheme +mean error") ~= nil)
      """)
    #expect(found == "7 true true true")
  }

  @Test(arguments: [
    Snippet("classic.floor_minmax(qs.tensor{0/0}, {bits = 8})", "holds NaN or infinity; replace them first"),
    Snippet("classic.floor_minmax(x, {bits = 0})", "option 'bits' must be 1 to 16 (got 0)"),
    Snippet("classic.affine(x, {range = {3, 1}})", "the lower one first"),
    Snippet("classic.uniform(x, {levels = 1})", "option 'levels' must be 2 to 65536 (got 1)"),
    Snippet("classic.compensate(x, {})", "what a scheme answered for this tensor"),
    Snippet("classic.uniform(qs.zeros(0))", "the tensor is empty"),
  ])
  func `a mistake is named`(_ snippet: Snippet) throws {
    let mistake = try Script().mistake(
      "local classic, x = qs.quantization.classic, qs.tensor{1, 2}; print(\(snippet.text))")
    #expect(mistake.contains(snippet.output), "\(mistake)")
  }
}
