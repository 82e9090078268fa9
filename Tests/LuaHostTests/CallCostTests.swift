import Foundation
import LuaHost
import Testing

@Suite struct CallCostTests {
  /// Printed, not asserted: the machine is shared.
  @Test func isPrinted() throws {
    let vm = try makeVM()
    func cost(_ name: String, _ body: String) throws {
      let count = 1_000_000
      let empty = try processorTime {
        try vm.run("local g = qs.grid(3) for i = 1, \(count) do end", chunk: "=cost")
      }
      let full = try processorTime {
        try vm.run(
          "local g = qs.grid(3) local touch = g.touch for i = 1, \(count) do \(body) end", chunk: "=cost")
      }
      print("\(name): \(Int((full - empty) / Double(count) * 1e9)) ns")
    }
    try cost("method call", "g:touch()")
    try cost("function call", "touch(g)")
    try cost("property", "local s = g.side")
    try cost("length", "local s = #g")
    try cost("add, with a new object", "local s = g + 1")
    try cost("constructor with options", "local s = qs.grid(3, {label = 'x'})")
  }
}

/// Seconds of this thread's processor time, which other work on the machine does not lengthen much.
private func processorTime(_ body: () throws -> Void) rethrows -> Double {
  func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
  let start = now()
  try body()
  return now() - start
}
