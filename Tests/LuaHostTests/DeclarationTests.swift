import LuaHost
import Testing

@Suite struct DeclarationTests {
  let vm: LuaVM

  init() throws {
    vm = try makeVM()
    try vm.run(
      """
      local declare = require "declare"
      declare{ "qs.distill", "Teaches a student.",
        {"teacher", "grid", "the model to learn from"},
        {"epochs", "integer", "passes over the data", default = 10},
        options = {
          {"lr", "number", "learning rate", default = 0.5},
          {"loss", '"kl"|"mse"', "which loss", default = "kl"},
          {"data", "integer[]", "what to learn", required = true},
          {"on_epoch", "function", "called after each epoch"},
        },
        returns = "integer",
        function(teacher, epochs, options)
          return teacher.side * epochs, options.lr, options.loss, #options.data, options.on_epoch
        end }
      declare{ "qs.greet", "Says hello.", {"name", "string", "", default = "you"}, function(name) return "hello " .. name end }
      """, chunk: "=[lib]")
  }

  @Test(arguments: [
    Mistake("qs.distill()", "bad argument #1 to 'distill' (teacher: grid expected, got no value)"),
    Mistake("qs.distill(4)", "bad argument #1 to 'distill' (teacher: grid expected, got number)"),
    Mistake(
      "qs.distill(qs.grid(1), 2.5, {data = {}})",
      "bad argument #2 to 'distill' (epochs: integer expected, got 2.5)"),
    Mistake("qs.distill(qs.grid(1))", "distill: missing option 'data' (integer[])"),
    Mistake(
      "qs.distill(qs.grid(1), {data = {}, rl = 1})", "distill: unknown option 'rl' (did you mean 'lr'?)"),
    Mistake(
      "qs.distill(qs.grid(1), {data = {1.5}})", "distill: option 'data' must be an integer[], got table"),
    Mistake(
      "qs.distill(qs.grid(1), {data = {}, loss = 'l1'})",
      "distill: option 'loss' must be \"kl\" or \"mse\", got string"),
    Mistake("qs.greet(1)", "bad argument #1 to 'greet' (name: string expected, got number)"),
    Mistake("qs.greet('a', 'b')", "greet: takes at most 1 argument, got 2"),
  ])
  func explains(_ mistake: Mistake) throws {
    let error = #expect(throws: LuaError.self) { try vm.run(mistake.code, chunk: "@d.lua") }
    #expect(error?.message == "d.lua:1: " + mistake.message)
  }

  @Test(arguments: [
    "local n, lr, loss, d, f = qs.distill(qs.grid(2), {data = {1, 2}}) assert(n == 20 and lr == 0.5 and loss == 'kl' and d == 2 and f == nil)",
    "local n, lr, loss = qs.distill(qs.grid(2), 3, {data = {}, lr = 1, loss = 'mse'}) assert(n == 6 and lr == 1 and loss == 'mse')",
    "local n = qs.distill(qs.grid(2), nil, {data = {}}) assert(n == 20)",
    "assert(qs.greet() == 'hello you' and qs.greet('Ada') == 'hello Ada' and qs.greet(nil) == 'hello you')",
  ])
  func works(_ code: String) throws { try vm.run(code, chunk: "@d.lua") }

  @Test func areInTheManualAndTheStubs() throws {
    #expect(vm.help(for: "qs.greet") == "qs.greet([name])\n\nSays hello.\n\n  name  string = \"you\"")
    #expect(vm.stubs()["qs.lua"]?.contains("function qs.distill(teacher, epochs, options) end") == true)
    #expect(vm.completions(for: "qs.dis") == ["qs.distill"])
  }
}
