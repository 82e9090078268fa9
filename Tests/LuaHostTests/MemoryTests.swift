import LuaHost
import Synchronization
import Testing

/// Counts the objects and bytes that are alive.
private final class Ledger: @unchecked Sendable {
  let bytes = UnsafeMutablePointer<Int>.allocate(capacity: 1)
  var objects = 0
  var peak = 0
  init() { bytes.initialize(to: 0) }
  deinit { bytes.deallocate() }
}

private final class Buffer: LuaObject {
  static let luaName = "buffer"
  let ledger: Ledger
  let size: Int

  init(_ ledger: Ledger, _ size: Int) {
    self.ledger = ledger
    self.size = size
    ledger.objects += 1
    ledger.bytes.pointee += size
    ledger.peak = max(ledger.peak, ledger.bytes.pointee)
  }

  deinit {
    ledger.objects -= 1
    ledger.bytes.pointee -= size
  }

  static var luaType: LuaType {
    LuaType(
      "Bytes.", keepsIdentity: false,
      methods: [
        Function(
          "__add", "A new one of the same size.", .required("a", Buffer.self), .required("b", Double.self)
        ) { a, _ in
          Buffer(a.ledger, a.size)
        },
        Function("size", "Its bytes.", .receiver(Buffer.self)) { $0.size },
      ])
  }
}

@Suite struct MemoryTests {
  private func makeBufferVM(_ ledger: Ledger) throws -> LuaVM {
    let vm = try makeVM(.init(nativeBytes: UnsafePointer(ledger.bytes)))
    vm.register(Buffer.self)
    vm.register(
      Library("native", "", [Function("buffer", "", .required("size", Int.self)) { Buffer(ledger, $0) }]))
    return vm
  }

  @Test func collectsWhatLuaCannotSee() throws {
    let ledger = Ledger()
    let vm = try makeBufferVM(ledger)
    try vm.run("local t = native.buffer(1 << 20) for i = 1, 20000 do t = t + 1 end", chunk: "@m.lua")
    print("20,000 buffers of 1 MiB: peak \(ledger.peak >> 20) MiB")
    #expect(ledger.peak < 150 << 20)
  }

  @Test func collectsBesideABigScriptHeap() throws {
    let ledger = Ledger()
    let vm = try makeBufferVM(ledger)
    let elapsed = try ContinuousClock().measure {
      try vm.run(
        """
        local heap = {} for i = 1, 500000 do heap[i] = {i} end
        local t = native.buffer(1 << 20) for i = 1, 5000 do t = t + 1 end
        """, chunk: "@m.lua")
    }
    print("5,000 buffers beside 500,000 tables: peak \(ledger.peak >> 20) MiB, \(elapsed)")
    #expect(ledger.peak < 1200 << 20)
  }

  @Test func keepsWhatTheScriptHolds() throws {
    let ledger = Ledger()
    let vm = try makeBufferVM(ledger)
    try vm.run(
      "local all = {} for i = 1, 400 do all[i] = native.buffer(1 << 20) end for i = 1, 400 do assert(all[i]:size() == 1 << 20) end",
      chunk: "@m.lua")
    #expect(ledger.peak == 400 << 20)
  }

  @Test func releasesEveryObjectAtTheEnd() throws {
    let ledger = Ledger()
    do {
      let vm = try makeBufferVM(ledger)
      try vm.run("kept = {} for i = 1, 100 do kept[i] = native.buffer(8) end", chunk: "@m.lua")
      #expect(ledger.objects == 100)
    }
    #expect(ledger.objects == 0)
  }

  /// A box has no finalizer, so one cycle frees it, and nothing that a script makes passes for one.
  @Test func releasesACollectedObjectInOneCycle() throws {
    let ledger = Ledger()
    let vm = try makeBufferVM(ledger)
    vm.register(Library("test", "", [Function("alive", "") { ledger.objects }]))
    try vm.run(
      """
      local b = native.buffer(8)
      local copies = {}
      for length = 1, 80 do copies[length] = string.rep('\\255', length) .. tostring(b) end
      assert(test.alive() == 1)
      b, copies = nil, nil
      collectgarbage('collect') assert(test.alive() == 0)
      """, chunk: "@m.lua")
  }

  @Test func releasesAClosedObjectAtOnceAndOnlyOnce() throws {
    let ledger = Ledger()
    let vm = try makeBufferVM(ledger)
    vm.register(Library("test", "", [Function("alive", "") { ledger.objects }]))
    try vm.run(
      """
      local kept
      do local b <close> = native.buffer(8) kept = b assert(test.alive() == 1) end
      assert(test.alive() == 0)
      local ok, e = pcall(kept.size, kept)
      assert(e:find('buffer expected, got closed buffer', 1, true), e)
      assert(tostring(kept) == 'closed buffer')
      kept = nil collectgarbage() assert(test.alive() == 0)
      """, chunk: "@m.lua")
  }

  @Test func findsNoClosedObjectAtAReusedAddress() throws {
    try makeVM().run(
      "for i = 1, 1000 do local g <close> = qs.grid(i) assert(g.side == i) end", chunk: "@m.lua")
  }

  @Test func refusesMoreThanTheLimitAndLivesOn() throws {
    let vm = try makeVM(.init(memoryLimit: 4 << 20))
    let error = #expect(throws: LuaError.self) {
      try vm.run("local t = {} for i = 1, math.huge do t[i] = {i} end", chunk: "@m.lua")
    }
    #expect(error?.kind == .memory)
    try vm.run("local t = {} for i = 1, 100 do t[i] = qs.grid(i) end", chunk: "@m.lua")
  }

  /// Runs one script under every limit from hopeless to enough: each allocation gets to fail once.
  @Test func mayFailAtEveryAllocation() throws {
    let ledger = Ledger()
    var failed = 0, passed = 0
    let code = """
      local t = {}
      for i = 1, 40 do t[i] = qs.grid(i, 0.5, {label = 'l' .. i}) t[i].label = t[i].label .. 'x' end
      local ok, e = pcall(qs.grid, {1, {2, {3}}}) assert(not ok)
      local co = coroutine.wrap(function() coroutine.yield(native.buffer(8)) end) co()
      assert(qs.apply(function(a) return {a, {a}, print, 'text' .. a} end, 5)[2][1] == 5)
      """
    let base = try makeBufferVM(ledger).memoryUsed
    for limit in stride(from: base - 4_000, to: base + 44_000, by: 24) {
      let vm = try LuaVM(options: .init(memoryLimit: limit))
      vm.register(Grid.self)
      vm.register(Buffer.self)
      vm.register(
        Library("native", "", [Function("buffer", "", .required("size", Int.self)) { Buffer(ledger, $0) }]))
      vm.register(
        Library(
          "qs", "",
          [
            .grid,
            Function("apply", "", .required("f", LuaFunction.self), .rest("a", LuaValue.self)) { f, a in
              try f.call(with: a).first
            },
          ]))
      do {
        try vm.run(code, chunk: "@ladder.lua")
        passed += 1
      } catch let error as LuaError {
        failed += 1
        #expect(error.message.contains("not enough memory"), "\(limit): \(error)")
      }
    }
    print("memory ladder: \(failed) limits failed, \(passed) passed")
    #expect(failed > 100 && passed > 100)
    #expect(ledger.objects == 0)
  }
}
