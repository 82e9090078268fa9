import Foundation
import LuaHost
import Testing

@Suite struct GlobalsTests {
  @Test(arguments: [
    Mistake("local x = undefined_name", "undefined global 'undefined_name'"),
    Mistake("pritn('x')", "undefined global 'pritn' (did you mean 'print'?)"),
    Mistake(
      "function f() counter = 1 end f()",
      "assignment to the undefined global 'counter' inside a function; "
        + "write 'local', or assign it at the top level first"),
  ])
  func mustBeDefined(_ mistake: Mistake) throws {
    let error = #expect(throws: LuaError.self) { try makeVM().run(mistake.code, chunk: "@g.lua") }
    #expect(error?.message == "g.lua:1: " + mistake.message)
  }

  @Test func areDefinedAtTheTopLevel() throws {
    try makeVM().run(
      "x = 1 function f() x = x + 1 return x end assert(f() == 2) assert(rawget(_G, 'y') == nil)",
      chunk: "@g.lua")
  }

  @Test func areLuasOwnWhenNotStrict() throws {
    try makeVM(.init(isStrict: false)).run(
      "assert(y == nil) function f() z = 1 end f() assert(z == 1)", chunk: "@g.lua")
  }

  @Test func areTheScriptsArguments() throws {
    try makeVM().run(
      "assert(arg[1] == 'a' and arg[2] == '--b' and #arg == 2 and arg[0] == 'g.lua') assert(select('#', ...) == 2)",
      chunk: "@g.lua", arguments: ["a", "--b"])
  }
}

@Suite struct RequireTests {
  @Test func findsFilesBesideTheScript() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "qs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("return {value = 42}".utf8).write(to: folder.appending(path: "beside.lua"))
    try makeVM().run("assert(require('beside').value == 42)", chunk: "@\(folder.path)/main.lua")
  }

  @Test func findsLibraryModules() throws {
    let vm = try makeVM(.init(module: { $0 == "qs.recipe" ? "return {steps = ...}" : nil }))
    vm.provide(module: "qscript", library: "qs")
    try vm.run(
      "assert(require('qs.recipe').steps == 'qs.recipe') assert(require 'qscript' == qs)", chunk: "@r.lua")
  }

  @Test func saysWhatIsMissing() throws {
    let error = #expect(throws: LuaError.self) { try makeVM().run("require 'nowhere'", chunk: "@r.lua") }
    #expect(error?.message.hasPrefix("r.lua:1: module 'nowhere' not found:") == true)
  }

  @Test func blamesTheScriptsLineForALibrarysComplaint() throws {
    let vm = try makeVM(.init(module: { $0 == "lib" ? "return function() qs.grid(0) end" : nil }))
    let error = #expect(throws: LuaError.self) { try vm.run("local f = require 'lib'\nf()", chunk: "@r.lua") }
    #expect(error?.message == "r.lua:2: grid: argument 'side' must be a positive integer (got 0)")
  }
}

@Suite struct SessionTests {
  @Test func returnsValues() throws {
    let vm = try makeVM()
    guard case .int(3)? = try vm.evaluate("1 + 2", chunk: "=repl").first else {
      Issue.record("no value"); return
    }
    #expect(try vm.evaluate("local x = 1", chunk: "=repl").isEmpty)
    #expect(try vm.evaluate("function f() made = 5 end f() return made", chunk: "=repl").count == 1)
  }

  @Test(arguments: ["for i = 1, 3 do", "x = {", "f(", "if true then", "x = [[abc", "function f()"])
  func knowsIncompleteInput(_ text: String) throws {
    let error = #expect(throws: LuaError.self) { try makeVM().evaluate(text, chunk: "=repl") }
    #expect(error?.kind == .incomplete)
  }

  @Test(arguments: ["for for", "x = = 3", ")"])
  func knowsWrongInput(_ text: String) throws {
    let error = #expect(throws: LuaError.self) { try makeVM().evaluate(text, chunk: "=repl") }
    #expect(error?.kind == .syntax)
  }

  @Test func livesOnAfterAnError() throws {
    let vm = try makeVM()
    _ = try vm.evaluate("kept = 7", chunk: "=repl")
    #expect(throws: LuaError.self) { try vm.evaluate("error('x')", chunk: "=repl") }
    #expect(try vm.show("kept", chunk: "=repl") == ["7"])
  }

  @Test func showsValues() throws {
    let vm = try makeVM()
    #expect(
      try vm.show("1, 'a\\n', {1, {x = 2}}, nil", chunk: "=repl") == ["1", #""a\n""#, "{1, {x = 2}}", "nil"])
    #expect(
      try vm.show("(function() local t = {} t.self = t return t end)()", chunk: "=repl") == ["{self = {...}}"]
    )
    #expect(try vm.show("qs.grid(2)", chunk: "=repl").first?.hasPrefix("grid: 0x") == true)
  }

  @Test func completesNames() throws {
    let vm = try makeVM()
    _ = try vm.evaluate("g = qs.grid(2)", chunk: "=repl")
    #expect(vm.completions(for: "qs.gr") == ["qs.grid"])
    #expect(vm.completions(for: "print(math.ab") == ["math.abs"])
    #expect(vm.completions(for: "g:a") == ["g:area"])
    #expect(vm.completions(for: "g.") == ["g.area", "g.label", "g.resized", "g.side", "g.touch"])
    #expect(vm.completions(for: "nothing.x") == [])
    #expect(vm.completions(for: "coro") == ["coroutine"])
  }
}
