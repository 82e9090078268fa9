import LuaHost
import Testing

struct ShapeProblem: Error, CustomStringConvertible, Equatable {
  let rank: Int
  var description: String { "linear: input has rank \(rank), expected 2" }
}

@Suite struct LuaErrorTests {
  let vm: LuaVM

  init() throws {
    vm = try makeVM(functions: [
      Function("fail", "Fails.", .required("rank", Int.self)) { (rank) throws -> Void in
        throw ShapeProblem(rank: rank)
      },
      Function("apply", "Calls.", .required("f", LuaFunction.self), .rest("arguments", LuaHandle.self)) {
        f, arguments in
        try f.call(with: arguments)
      },
      Function("attempt", "Calls and swallows.", .required("f", LuaFunction.self)) { f in
        do { try f.call(); return "fine" } catch let error as LuaError { return error.message }
      },
    ])
  }

  func failure(_ code: String) -> LuaError? {
    #expect(throws: LuaError.self) { try vm.run(code, chunk: "@s.lua") }
  }

  @Test func comesBackAsTheSwiftErrorItWas() throws {
    let error = try #require(failure("local x = 1\nqs.fail(3)"))
    #expect(error.message == "s.lua:2: linear: input has rank 3, expected 2")
    #expect(error.cause as? ShapeProblem == ShapeProblem(rank: 3))
  }

  @Test func staysItselfThroughCallbacksAndRethrows() throws {
    let error = try #require(
      failure(
        """
        qs.apply(function()
          qs.apply(function()
            local ok, e = pcall(qs.apply, function() qs.fail(4) end)
            error(e, 0)
          end)
        end)
        """))
    #expect(error.message == "s.lua:3: linear: input has rank 4, expected 2")
    #expect(error.cause as? ShapeProblem == ShapeProblem(rank: 4))
  }

  @Test func hasNoSwiftCauseWhenTheScriptRaisedIt() throws {
    let error = try #require(failure("pcall(qs.fail, 1) error('other')"))
    #expect(error.message == "s.lua:1: other")
    #expect(error.cause == nil)
  }

  @Test func isCaughtByTheScriptAsText() throws {
    try vm.run(
      "local ok, e = pcall(qs.fail, 2) assert(not ok and e:find('rank 2', 1, true))", chunk: "@s.lua")
    try vm.run(
      "local ok, e = pcall(function() qs.fail(2) end) assert(e == 's.lua:1: linear: input has rank 2, expected 2')",
      chunk: "@s.lua")
  }

  @Test func keepsTheCallbacksPositionOnce() throws {
    try vm.run(
      "local m = qs.attempt(function()\n error('deep')\n end) assert(m == 's.lua:2: deep', m)",
      chunk: "@s.lua")
    #expect(failure("qs.apply(function()\n error('deep')\n end)")?.message == "s.lua:2: deep")
  }

  @Test func keepsValuesThatAreNotText() throws {
    try vm.run(
      """
      local mark = {code = 7}
      local ok, e = pcall(qs.apply, function() error(mark) end)
      assert(not ok and e == mark)
      """, chunk: "@s.lua")
    #expect(
      failure("error(setmetatable({}, {__tostring = function() return 'shown' end}))")?.message == "shown")
    #expect(failure("error()")?.message == "nil")
  }

  @Test func tracesTheScriptsLinesWithoutTheHosts() throws {
    let error = try #require(
      failure("local function inner()\n qs.apply(function()\n qs.fail(1) end)\nend\ninner()"))
    #expect(error.traceback.contains { $0.hasPrefix("s.lua:3:") })
    #expect(error.traceback.contains { $0.hasPrefix("s.lua:5:") })
    #expect(!error.traceback.contains { $0.hasPrefix("[C]: in ?") })
    #expect(error.report.hasPrefix(error.message + "\nstack traceback:\n  "))
  }

  @Test func tellsSyntaxFromRunning() {
    #expect(failure("local = 3")?.kind == .syntax)
    #expect(failure("local = 3")?.message == "s.lua:1: <name> expected near '='")
    #expect(failure("for i = 1, 3 do")?.kind == .incomplete)
    #expect(failure("error('x')")?.kind == .runtime)
    #expect(failure("\u{1b}Lua")?.kind == .syntax)
  }

  @Test func endsARunWithItsExitCode() {
    #expect(throws: LuaExit.self) { try vm.run("pcall(os.exit, 3) while true do end", chunk: "@s.lua") }
    do { try vm.run("os.exit(3)", chunk: "@s.lua") } catch { #expect((error as? LuaExit)?.code == 3) }
    do { try vm.run("qs.apply(function() os.exit(false) end)", chunk: "@s.lua") } catch {
      #expect((error as? LuaExit)?.code == 1)
    }
  }

  @Test func survivesDeepRecursionThroughTheHost() throws {
    let error = try #require(failure("local function f() qs.apply(f) end f()"))
    #expect(error.message.contains("overflow"))
    try vm.run("assert(qs.grid(2).side == 2)", chunk: "@s.lua")
  }

  @Test func doesNotGrowTheStackOverManyCallbacks() throws {
    try vm.run(
      "local n = 0 for i = 1, 20000 do qs.apply(function(k) n = n + k end, 1) end assert(n == 20000)",
      chunk: "@s.lua")
    try vm.run("for i = 1, 20000 do pcall(qs.apply, error, 'x') end", chunk: "@s.lua")
  }

  @Test func refusesAFunctionOfAClosedScript() throws {
    var kept: LuaFunction?
    do {
      let other = try makeVM(functions: [Function("keep", "", .required("f", LuaFunction.self)) { kept = $0 }]
      )
      try other.run("qs.keep(print)", chunk: "@s.lua")
    }
    let error = #expect(throws: LuaError.self) { try kept?.call() }
    #expect(error?.message == "the script of this function has ended")
  }
}
