import LuaHost
import Testing

@Suite struct CoroutineTests {
  let vm: LuaVM

  init() throws {
    vm = try makeVM(functions: [
      Function("apply", "Calls.", .required("f", LuaFunction.self), .rest("arguments", LuaValue.self)) {
        f, arguments in
        try f.call(with: arguments).first
      }
    ])
  }

  @Test(arguments: [
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(qs.grid(a)) return b + 1 end) assert(co(3).side == 3 and co(4) == 5)",
    "local co = coroutine.create(function() return qs.apply(function() return coroutine.running() ~= nil and 9 end) end) assert(select(2, coroutine.resume(co)) == 9)",
    "local co = coroutine.create(error) local ok, e = coroutine.resume(co, 'x') assert(not ok and e == 'x' and coroutine.status(co) == 'dead')",
    "local co = coroutine.wrap(function() error('deep') end) local ok, e = pcall(co) assert(e == 'c.lua:1: deep', e)",
    "local ok, e = coroutine.resume(coroutine.running()) assert(not ok and e == 'cannot resume non-suspended coroutine')",
    "local co = coroutine.wrap(function() end) co() local ok, e = pcall(co) assert(e == 'cannot resume dead coroutine')",
    "local closed = false local co = coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() closed = true end}) error('x') end) pcall(co) assert(closed)",
    "local ok, e = pcall(coroutine.resume, 7) assert(e:find('coroutine expected', 1, true))",
    "local n = 0 for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do n = n + i end assert(n == 6)",
  ])
  func behave(_ code: String) throws { try vm.run(code, chunk: "@c.lua") }

  @Test func refuseToYieldAcrossTheHost() throws {
    try vm.run(
      """
      local co = coroutine.create(function() qs.apply(coroutine.yield, 1) end)
      local ok, e = coroutine.resume(co)
      assert(not ok and e:find('attempt to yield across a C-call boundary', 1, true), e)
      """, chunk: "@c.lua")
  }
}
