import LuaHost
import Testing

@Suite struct CallCostTests {
  /// Printed, not asserted: the machine is shared.
  @Test func isPrinted() throws {
    let vm = try makeVM()
    let clock = ContinuousClock()
    func cost(_ name: String, _ body: String) throws {
      let count = 1_000_000
      let empty = try clock.measure {
        try vm.run("local g = qs.grid(3) for i = 1, \(count) do end", chunk: "=cost")
      }
      let full = try clock.measure {
        try vm.run(
          "local g = qs.grid(3) local touch = g.touch for i = 1, \(count) do \(body) end", chunk: "=cost")
      }
      print("\(name): \((full - empty) / count)")
    }
    try cost("method call", "g:touch()")
    try cost("function call", "touch(g)")
    try cost("property", "local s = g.side")
    try cost("length", "local s = #g")
    try cost("add, with a new object", "local s = g + 1")
    try cost("constructor with options", "local s = qs.grid(3, {label = 'x'})")
  }
}
