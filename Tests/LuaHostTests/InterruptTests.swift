import Foundation
import LuaHost
import Testing

@Suite struct InterruptTests {
  let vm: LuaVM

  init() throws {
    vm = try makeVM(functions: [
      Function("apply", "Calls.", .required("f", LuaFunction.self)) { f in try f.call() }
    ])
    let current = vm
    vm.register(
      Library(
        "host", "",
        [
          Function("work", "Long work that polls.") { [unowned current] in
            while !current.isInterrupted { Thread.sleep(forTimeInterval: 0.001) }
            throw LuaInterrupted()
          },
          Function("stop", "Asks for an interrupt from the script's own thread.") { [unowned current] in
            current.requestInterrupt()
          },
        ]))
  }

  /// Runs on a thread of its own, for a script is stopped by a signal to its thread.
  private func outcome(_ code: String, after seconds: Double? = 0.02) -> (any Error)? {
    let vm = UncheckedBox(vm), result = UncheckedBox<(any Error)?>(nil)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      do { try vm.value.run(code, chunk: "@i.lua") } catch { result.value = error }
      done.signal()
    }
    if let seconds {
      Thread.sleep(forTimeInterval: seconds)
      vm.value.requestInterrupt()
    }
    #expect(done.wait(timeout: .now() + 60) == .success, "the script did not stop")
    return result.value
  }

  @Test(arguments: [
    "while true do end",
    "local x = 0 for i = 1, math.maxinteger do x = x + i end",
    "while true do pcall(function() while true do end end) end",
    "while true do pcall(pcall, function() local t = {} for i = 1, 100 do t[i] = i end end) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
    "while true do local f = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end) for i = 1, 10 do f() end end",
    "qs.apply(function() while true do end end)",
    "while true do pcall(qs.apply, function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function(m) return m end) end",
    "while true do pcall(host.work) end",
    "while true do local g = qs.grid(3) g.label = 'x' end",
    "local t = setmetatable({}, {__index = function(t, k) while true do end end}) return t.x",
  ])
  func stops(_ code: String) throws {
    #expect(outcome(code) is LuaInterrupted)
    #expect(!vm.isInterrupted)
    try vm.run("local n = 0 for i = 1, 100000 do n = n + i end", chunk: "@after.lua")
  }

  @Test func stopsFromTheScriptsOwnThread() {
    #expect(outcome("host.stop() while true do end", after: nil) is LuaInterrupted)
  }

  @Test func leavesOldCoroutinesUsable() throws {
    #expect(
      outcome(
        "co = coroutine.wrap(function() for i = 1, 9 do coroutine.yield(i) end end) co() host.stop() while true do end",
        after: nil) is LuaInterrupted)
    try vm.run("assert(co() == 2)", chunk: "@after.lua")
  }

  @Test func stopsTheNextRunWhenNoneIsThere() throws {
    vm.requestInterrupt()
    #expect(outcome("while true do end", after: nil) is LuaInterrupted)
    vm.requestInterrupt()
    vm.clearInterrupt()
    try vm.run("local n = 0 for i = 1, 1000 do n = n + i end", chunk: "@after.lua")
  }
}

/// Carries a value to another thread; the test sees to it that only one uses it at a time.
final class UncheckedBox<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}
