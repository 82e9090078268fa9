import LuaHost
import Testing

/// A line of Lua and the error it gives.
struct Mistake: Sendable, CustomTestStringConvertible {
  let code: String
  let message: String
  var testDescription: String { code }

  init(_ code: String, _ message: String) {
    self.code = code
    self.message = message
  }
}

enum Padding: String, LuaEnum { case same, valid }

/// A new binding takes about five lines. This is one:
var conv2d: Function {
  Function(
    "conv2d", "2-D convolution over [N, C, H, W].",
    .required("in_channels", Int.self, "channels of the input", .positive),
    .required("kernel", OneOf<Int, [Int]>.self, "height and width"),
    .option("stride", default: 1, "step of the window", .positive),
    .option("padding", default: .same, "what happens at the border"), .option("name", String?.self)
  ) { (channels, kernel, stride, padding: Padding, name) in
    "\(channels) \(kernel) \(stride) \(padding) \(name ?? "-")"
  }
}

var fitting: Function {
  Function(
    "train", "Only options.", .requiredOption("data", [Double].self), .option("epochs", default: 10),
    .option("callback", LuaFunction?.self)
  ) { data, epochs, callback in
    try callback?.call(epochs)
    return data.count * epochs
  }
}

var several: [Function] {
  [
    conv2d, fitting,
    Function("sum", "Sum of all.", .rest("values", Double.self, "numbers")) { $0.reduce(0, +) },
    Function("bytes", "The same bytes.", .required("s", LuaBytes.self)) { $0 },
    Function("text", "The same text.", .required("s", String.self)) { $0 },
    Function("any", "The same value.", .required("value", LuaValue.self)) { $0 },
    Function("same", "The same value, not copied.", .required("value", LuaHandle.self)) { $0 },
    Function("map", "Counts by name.", .required("counts", [String: Int].self)) { $0 },
    Function("nested", "Lists.", .required("lists", [[Int]].self)) { $0 },
    Function("two", "Two results.", returns: "integer, string") { LuaResults(1, "b") },
    Function("nothing", "No result.") {},
    Function("numbers", "Shape and sum.", .required("values", LuaNumbers.self), returns: "integer[], number")
    {
      LuaResults($0.shape, $0.values.reduce(0, +))
    },
    Function(
      "limit", "A clamped number.", .required("x", Int.self, "", .within(1...9)), .optional("y", Int?.self)
    ) { x, y in
      x + (y ?? 0)
    },
  ]
}

@Suite struct FunctionTests {
  @Test(arguments: [
    Mistake("qs.grid()", "bad argument #1 to 'grid' (side: integer expected, got no value)"),
    Mistake("qs.grid(nil)", "bad argument #1 to 'grid' (side: integer expected, got nil)"),
    Mistake("qs.grid('3')", "bad argument #1 to 'grid' (side: integer expected, got string)"),
    Mistake("qs.grid(2.5)", "bad argument #1 to 'grid' (side: integer expected, got 2.5)"),
    Mistake("qs.grid(0/0)", "bad argument #1 to 'grid' (side: integer expected, got nan)"),
    Mistake("qs.grid(1e300)", "bad argument #1 to 'grid' (side: integer expected, got 1e+300)"),
    Mistake("qs.grid(math.huge)", "bad argument #1 to 'grid' (side: integer expected, got inf)"),
    Mistake("qs.grid(0)", "grid: argument 'side' must be a positive integer (got 0)"),
    Mistake("qs.grid(2, 'x')", "bad argument #2 to 'grid' (spacing: number expected, got string)"),
    Mistake("qs.grid(2, 1, {lable = 'x'})", "grid: unknown option 'lable' (did you mean 'label'?)"),
    Mistake("qs.grid(2, {zzz = 'x'})", "grid: unknown option 'zzz' (known: label)"),
    Mistake("qs.grid(2, 1, {label = 7})", "grid: option 'label' must be a string, got number"),
    Mistake("qs.grid(2, 1, {'x'})", "grid: options are written name = value, got a list"),
    Mistake("qs.grid(2, 1, 5)", "bad argument #3 to 'grid' (options: table expected, got number)"),
    Mistake("qs.grid(2, 1, {}, 4)", "grid: takes at most 3 arguments, got 4"),
    Mistake("qs.conv2d(1, 3, {stride = -1})", "conv2d: option 'stride' must be a positive integer (got -1)"),
    Mistake("qs.conv2d(1, 3, {stride = 'x'})", "conv2d: option 'stride' must be an integer, got string"),
    Mistake(
      "qs.conv2d(1, 3, {padding = 'sane'})",
      "conv2d: option 'padding' must be one of 'same' or 'valid' (got 'sane' (did you mean 'same'?))"),
    Mistake(
      "qs.conv2d(1, 'x')", "bad argument #2 to 'conv2d' (kernel: integer|integer[] expected, got string)"),
    Mistake("qs.conv2d(1, {3, 'x'})", "conv2d: argument 'kernel[2]' must be an integer, got string"),
    Mistake("qs.conv2d(1)", "bad argument #2 to 'conv2d' (kernel: integer|integer[] expected, got no value)"),
    Mistake("qs.train{}", "train: missing option 'data' (number[])"),
    Mistake("qs.train()", "train: missing option 'data' (number[])"),
    Mistake("qs.train{data = {1}, epoch = 3}", "train: unknown option 'epoch' (did you mean 'epochs'?)"),
    Mistake("qs.train{data = {1, {}}}", "train: option 'data[2]' must be a number, got table"),
    Mistake("qs.train({data = {1}}, 2)", "train: takes at most 1 argument, got 2"),
    Mistake("qs.train(7)", "bad argument #1 to 'train' (options: table expected, got number)"),
    Mistake("qs.sum(1, 'x')", "bad argument #2 to 'sum' (values: number expected, got string)"),
    Mistake("qs.text('\\xff')", "text: argument 's' must be UTF-8 text (got other bytes)"),
    Mistake("qs.map{a = 1, b = 'x'}", "map: argument 'counts.b' must be an integer, got string"),
    Mistake("qs.map{1}", "map: argument 'counts' must be a table with names as keys (got a list)"),
    Mistake("qs.nested{{1}, {2, {}}}", "nested: argument 'lists[2][2]' must be an integer, got table"),
    Mistake("qs.nested{a = 1}", "nested: argument 'lists' must be a list (got a table with keys)"),
    Mistake("qs.nested{{1}, nil, {2}}", "nested: argument 'lists' must be a list (got a table with keys)"),
    Mistake("qs.nothing(1)", "nothing: takes no arguments, got 1"),
    Mistake("qs.limit(10)", "limit: argument 'x' must be between 1 and 9 (got 10)"),
    Mistake(
      "qs.grid(3).touch()", "calling 'touch' on bad self (grid expected, got no value); call it with a colon"),
    Mistake(
      "qs.grid(3).touch(4)", "calling 'touch' on bad self (grid expected, got number); call it with a colon"),
    Mistake("qs.grid(3):resized(0)", "resized: argument 'side' must be a positive integer (got 0)"),
    Mistake("qs.grid(3):resized('x')", "bad argument #1 to 'resized' (side: integer expected, got string)"),
    Mistake("qs.grid(3):touch(1)", "touch: takes no arguments, got 1"),
    Mistake("return qs.grid(3).sdie", "grid has no field or method 'sdie'"),
    Mistake("qs.grid(3).side = 4", "grid has no field to set, 'side'"),
    Mistake("qs.grid(3).label = 4", "bad argument #1 to 'label' (value: string expected, got number)"),
    Mistake("return qs.grid(3) + 'x'", "bad argument #2 to '__add' (b: grid|integer expected, got string)"),
    Mistake("local g <close> = qs.grid(3); getmetatable(g)()", "attempt to call a boolean value"),
    Mistake(
      "local t = {} t.t = t qs.any(t)", "any: argument 'value': table nests more than 8 levels deep"),
  ])
  func explains(_ mistake: Mistake) throws {
    let vm = try makeVM(functions: several)
    let error = #expect(throws: LuaError.self) { try vm.run(mistake.code, chunk: "@cell.lua") }
    #expect(error?.message == "cell.lua:1: " + mistake.message)
  }

  @Test(arguments: [
    "assert(qs.grid(3).side == 3)",
    "assert(qs.grid(3.0):area() == 9)",
    "assert(qs.grid(3, 2):area() == 36)",
    "assert(qs.grid(3, {label = 'x'}).label == 'x')",
    "assert(qs.grid(3, nil, {label = 'x'}).label == 'x')",
    "assert(qs.grid(3, 1, nil).label == '')",
    "local g = qs.grid(3); g.label = 'new'; assert(g.label == 'new')",
    "assert((qs.grid(3) + 4).side == 7 and (qs.grid(3) + qs.grid(1)).side == 4)",
    "assert(#qs.grid(3) == 9)",
    "local g = qs.grid(3); assert(g[2] == 20 and g[4] == nil)",
    "local n = 0; for i, row in ipairs(qs.grid(3)) do n = n + row end; assert(n == 60)",
    "local g = qs.grid(3); assert(qs.any(g) == g and rawequal(qs.any(g), g)); local t = {[g] = 1}; assert(t[qs.any(g)] == 1)",
    "assert(qs.grid(3) ~= qs.grid(3) and tostring(qs.grid(3)):match('^grid: 0x'))",
    "assert(qs.conv2d(1, 3) == '1 first(3) 1 same -')",
    "assert(qs.conv2d(1, {3, 5}, {stride = 2, padding = 'valid', name = 'c'}) == '1 second([3, 5]) 2 valid c')",
    "local n; assert(qs.train{data = {1, 2}, epochs = 3, callback = function(e) n = e end} == 6 and n == 3)",
    "assert(qs.sum() == 0 and qs.sum(1, 2.5) == 3.5)",
    "assert(qs.bytes('a\\0\\xff') == 'a\\0\\xff' and qs.any('\\xff') == '\\xff')",
    "assert(qs.text('') == '' and qs.text('naïve') == 'naïve')",
    "local t = qs.any{1, 'two', {x = 3.5, [true] = false}, nil}; assert(t[2] == 'two' and t[3].x == 3.5 and t[3][true] == false)",
    "local t = {}; assert(qs.same(t) == t and qs.same(print) == print and qs.same(nil) == nil)",
    "local m = qs.map{a = 1, b = 2}; assert(m.a == 1 and m.b == 2)",
    "local a, b = qs.two(); assert(a == 1 and b == 'b' and select('#', qs.two()) == 2 and select('#', qs.nothing()) == 0)",
    "assert(qs.limit(1) == 1 and qs.limit(1, nil) == 1 and qs.limit(1, 2) == 3)",
    "assert(qs.sum(table.unpack(setmetatable({}, {__index = function(_, i) return i end}), 1, 200)) == 20100)",
    "assert(getmetatable(qs.grid(1)) == false)",
    "assert(math.type(qs.any(9007199254740993)) == 'integer' and qs.any(9007199254740993) == 9007199254740993)",
  ])
  func works(_ code: String) throws {
    try makeVM(functions: several).run(code, chunk: "@cell.lua")
  }

  @Test func readsNumbersInBulk() throws {
    let vm = try makeVM(functions: several)
    try vm.run(
      """
      local rows = {}
      for i = 1, 1000 do rows[i] = {} for j = 1, 100 do rows[i][j] = 0.5 end end
      local shape, sum = qs.numbers(rows)
      assert(shape[1] == 1000 and shape[2] == 100 and #shape == 2 and sum == 50000)
      shape, sum = qs.numbers(7); assert(#shape == 0 and sum == 7)
      shape = qs.numbers{}; assert(#shape == 1 and shape[1] == 0)
      shape = qs.numbers{{}, {}}; assert(#shape == 2 and shape[1] == 2 and shape[2] == 0)
      """, chunk: "@cell.lua")
  }

  @Test(arguments: [
    Mistake("qs.numbers{{1, 2}, {3}}", "ragged table: [2] has 1 values, others at its level have 2"),
    Mistake("qs.numbers{{1, 2}, 3}", "ragged table: [2] is a number, others at its level are tables"),
    Mistake("qs.numbers{1, {2}}", "ragged table: [2] is a table, others at its level are numbers"),
    Mistake("qs.numbers{{1}, {n = 1}}", "[2] has keys that are not 1, 2, 3 ... ('n')"),
  ])
  func explainsRaggedNumbers(_ mistake: Mistake) throws {
    let vm = try makeVM(functions: several)
    let error = #expect(throws: LuaError.self) { try vm.run(mistake.code, chunk: "@cell.lua") }
    #expect(error?.message == "cell.lua:1: numbers: argument 'values': " + mistake.message)
  }
}
