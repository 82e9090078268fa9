import Testing

@Suite struct Int8Tests {
  @Test(arguments: [
    Snippet(
      "print(qs.int8.quantize(qs.tensor{-1, 0, 0.5, 9}, {scale = 0.5, zero_point = 2}))",
      "  0   2   3  20\n[u8 4, scale 0.5, zero point 2]"),
    Snippet(
      "print(qs.int8.dequantize(qs.tensor({0, 2, 3}, {dtype = 'u8'}), {scale = 0.5, zero_point = 2}):totable()[1])",
      "-1.0"),
    Snippet(
      "local q, s = qs.int8.quantize_weight(qs.tensor{{1, -2}, {0.5, 0.25}}); print(q[1][2]:item(), q[2][1]:item(), s.shape[1])",
      "-127 127 2"),
    Snippet("print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}, {-1, 4}}, {zero_point = 1}):totable()[1][2])", "-2"),
    Snippet(
      """
      local forms = {"dense", "sparse 16x4", "sparse 32x4", "sparse"}
      for i, form in ipairs(forms) do forms[i] = qs.int8.linear(u8{{3, 1, 7}}, i8{{0, 2, 0}, {-1, 0, 4}}, {form = form}):totable()[1][2] end
      print(table.concat(forms, " "))
      """, "25 25 25 25"),
    Snippet("print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}}, {multiplier = 0.5}))", " 2.5\n[f32 1x1]"),
    Snippet(
      "print(qs.int8.linear(u8{{3, 1}}, i8{{1, 2}}, {multiplier = 0.5, output_zero_point = 10}))",
      " 12\n[u8 1x1]"),
    Snippet("print(qs.int8.conv2d(u8{{{{1, 2}, {3, 4}}}}, i8{{{{1, 1}, {1, 1}}}}):item())", "10"),
    Snippet("print(qs.int8.max_pool2d(u8{{{{1, 2}, {3, 4}}}}, 2):item())", "4"),
    Snippet(
      "print(qs.int8.avg_pool2d(carrying(u8{{{{1, 2}, {3, 6}}}}, 1), 2))",
      " 3\n[u8 1x1x1x1, scale 1.0, zero point 0]"),
    Snippet("print(qs.int8.global_avg_pool2d(carrying(u8{{{{1, 2}, {3, 6}}}}, 1)):item())", "3"),
    Snippet(
      "print(qs.int8.add(carrying(u8{1, 2}, 1), carrying(u8{3, 4}, 1), {result = {scale = 2, zero_point = 1}}))",
      " 3  4\n[u8 2, scale 2.0, zero point 1]"),
    Snippet(
      "print(qs.int8.mul(carrying(u8{1, 2}, 1), carrying(u8{3, 4}, 0.5), {result = {scale = 0.5, zero_point = 1}}):totable()[2])",
      "9"),
    Snippet(
      "local q = qs.int8.map(carrying(u8{0, 2}, 1), qs.square, {result = {scale = 0.5, zero_point = 0}}); print(q:totable()[2])",
      "8"),
    Snippet(
      "print(qs.int8.softmax(carrying(u8{{5, 5}, {0, 100}}, 1)))",
      " 128  128\n   0  255\n[u8 2x2, scale 0.00390625, zero point 0]"),
    Snippet(
      "print(qs.int8.layer_norm(carrying(u8{{1, 3}}, 1), qs.ones(2), qs.zeros(2), {eps = 1e-9})[1][2]:item() > 0.99)",
      "true"),
    Snippet(
      """
      local x, w = qs.int8.quantize(qs.tensor{{-1, 1}}), qs.int8.quantize_weight(qs.tensor{{1, 2}, {-4, 4}})
      local y = qs.int8.linear(x, w, {result = {scale = 0.1, zero_point = 5}, activation = "relu"})
      print(y, qs.int8.dequantize(y):sum():item() > 8)
      """, " 15  85\n[u8 1x2, scale 0.1, zero point 5] true"),
    Snippet(
      "local x = u8{1, 2}; x.quantization = {scale = 0.5, zero_point = 1}; print(x:reshape(2, 1).quantization.scale, #x.quantization)",
      "0.5 0"),
    Snippet(
      "local v, s, z = qs.int8.quantize_rows(qs.tensor{{0, 255}, {-1, 254}}); print(v[2][1]:item(), s[2]:item(), z[2]:item())",
      "0 1.0 1"),
    Snippet(
      "print(qs.int8.concat({carrying(u8{{2, 4}}, 1), carrying(u8{{3}}, 2)}, {result = {scale = 2, zero_point = 1}}))",
      " 2  3  4\n[u8 1x3, scale 2.0, zero point 1]"),
    Snippet("print(qs.int8.histogram(qs.tensor{0, 0.4, 1, 9}, 0, 1, {bins = 2}))", " 2  1\n[i64 2]"),
    Snippet("print(qs.int8.range(qs.tensor{1, -2, 0/0}))", "-2.0 1.0 1"),
    Snippet(
      """
      local w = qs.tensor{{1, -7}, {0, 3.5}}
      local codes, scales, zeros = qs.int8.quantize_grouped(w, {bits = 4, group = 32})
      print(qs.int8.linear_grouped(qs.tensor{{1, 1}}, codes, scales, {bias = qs.tensor{0.5, 0}}), zeros)
      """, " -5.5   3.5\n[f32 1x2] nil"),
    Snippet(
      """
      local codes, scales, zeros = qs.int8.quantize_grouped(qs.tensor{{0, 15}}, {symmetric = false})
      print(qs.int8.linear_grouped(qs.tensor{{1, 2}}, codes, scales, zeros, {activations = "s8"}):item() - 30 < 0.3)
      """, "true"),
    Snippet(
      "local t = {}; for i = 1, 256 do t[i] = 256 - i end; print(qs.int8.lookup(u8{0, 5}, t):totable()[2])",
      "250"),
  ])
  func `the kernels compute on bytes`(_ snippet: Snippet) throws {
    let text = """
      local function u8(t) return qs.tensor(t, {dtype = "u8"}) end
      local function i8(t) return qs.tensor(t, {dtype = "i8"}) end
      local function carrying(t, scale) t.quantization = {scale = scale, zero_point = 0}; return t end
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
    Snippet(
      "qs.int8.softmax(qs.zeros(2, {dtype = 'u8'}))",
      "softmax: x carries no scale and zero point; set x.quantization = {scale = ..., zero_point = ...}, or make it with "
        + "qs.int8.quantize"),
    Snippet(
      "qs.ones(2).quantization = {scale = 1}", "quantization: needs a tensor of integers, got f32"),
    Snippet(
      "qs.int8.quantize_grouped(qs.ones(2, 2), {bits = 3})",
      "quantize_grouped: bits must be 2, 4 or 8 (got 3)"),
    Snippet("qs.int8.linear(qs.ones(1, 2), qs.ones(1, 2))", "linear: x must be u8, got f32; see to(\"u8\")"),
    Snippet(
      "qs.int8.lookup(qs.zeros(1, {dtype = 'u8'}), {1})", "lookup: the table must have 256 bytes, got 1"),
  ])
  func `mistakes are refused`(_ snippet: Snippet) throws {
    let message = try Script().mistake(snippet.text)
    #expect(message == "script:1: " + snippet.output)
  }
}
