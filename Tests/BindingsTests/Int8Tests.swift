import Testing

@Suite struct Int8Tests {
  @Test(arguments: [
    Snippet(
      "print(qs.int8.quantize(qs.tensor{-1, 0, 0.5, 9}, {scale = 0.5, zero_point = 2}))",
      "  0   2   3  20\n[u8 4]"),
    Snippet(
      "print(qs.int8.dequantize(qs.tensor({0, 2, 3}, {dtype = 'u8'}), {scale = 0.5, zero_point = 2}):totable()[1])",
      "-1.0"),
    Snippet(
      "local q, s = qs.int8.quantize_weight(qs.tensor{{1, -2}, {0.5, 0.25}}); print(q[1][2]:item(), q[2][1]:item(), s.shape[1])",
      "-127 127 2"),
    Snippet("print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}, {-1, 4}}, {zero_point = 1}):totable()[1][2])", "-2"),
    Snippet("print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}}, {multiplier = 0.5}))", " 2.5\n[f32 1x1]"),
    Snippet(
      "print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}}, {multiplier = 0.5, output_zero_point = 10}))",
      " 12\n[u8 1x1]"),
    Snippet("print(qs.int8.conv2d(u8{{{{1, 2}, {3, 4}}}}, i8{{{{1, 1}, {1, 1}}}}):item())", "10"),
    Snippet("print(qs.int8.max_pool2d(u8{{{{1, 2}, {3, 4}}}}, 2):item())", "4"),
    Snippet(
      "local p = {scale = 1, zero_point = 0}; print(qs.int8.avg_pool2d(u8{{{{1, 2}, {3, 6}}}}, 2, {input = p, result = p}):item())",
      "3"),
    Snippet(
      "local p = {scale = 1, zero_point = 0}; print(qs.int8.add(u8{1, 2}, p, u8{3, 4}, p, {scale = 2, zero_point = 1}):totable()[2])",
      "4"),
    Snippet(
      "local t = {}; for i = 1, 256 do t[i] = 256 - i end; print(qs.int8.lookup(u8{0, 5}, t):totable()[2])",
      "250"),
  ])
  func `the kernels compute on bytes`(_ snippet: Snippet) throws {
    let text = """
      local function u8(t) return qs.tensor(t, {dtype = "u8"}) end
      local function i8(t) return qs.tensor(t, {dtype = "i8"}) end
      """
    let output = try Script().output(text + "\n" + snippet.text)
    #expect(output == snippet.output)
  }

  @Test(arguments: [
    Snippet(
      "qs.int8.quantize(qs.ones(2), {scale = 0, zero_point = 0})",
      "quantize: argument 'params' must have a scale that is positive and finite (got 0.0)"),
    Snippet(
      "qs.int8.quantize(qs.ones(2), {scale = 1})",
      "quantize: argument 'params': needs the fields scale and zero_point, and no others"),
    Snippet("qs.int8.linear(qs.ones(1, 2), qs.ones(1, 2))", "linear: x must be u8, got f32; see to(\"u8\")"),
    Snippet(
      "qs.int8.lookup(qs.zeros(1, {dtype = 'u8'}), {1})", "lookup: the table must have 256 bytes, got 1"),
  ])
  func `mistakes are refused`(_ snippet: Snippet) throws {
    let message = try Script().mistake(snippet.text)
    #expect(message == "script:1: " + snippet.output)
  }
}
