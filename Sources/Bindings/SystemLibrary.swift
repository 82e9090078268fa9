import LuaHost
import Tensors

/// `qs`: the process and the clock.
enum SystemLibrary {
  static func functions(of vm: LuaVM) -> [Function] {
    [
      Function(
        "threads", "Sets how many threads compute, for everything that follows.",
        .required("count", Int.self, "threads", .positive)
      ) { (count) -> Void in try Engine.setThreads(count) },
      Function(
        "memory",
        "Bytes: of living tensors (live), the most there ever were (peak), kept for reuse (pooled), of Lua "
          + "itself (lua); and how often tensors asked the system for memory (fresh).",
        returns: "table<string, integer>"
      ) { [unowned vm] in
        [
          "live": BufferPool.liveBytes, "peak": BufferPool.peakBytes, "pooled": BufferPool.pooledBytes,
          "lua": vm.memoryUsed, "fresh": BufferPool.freshBuffers,
        ]
      },
      Function(
        "peak",
        "Operations in fp32 that one core can do at most, two to a multiply-accumulate, in 1e9 a second, measured now; "
          + "nil where that is not known."
      ) { () -> Double? in Engine.floatPeak.map { $0 * 1e-9 } },
      Function("clock", "Seconds of a clock that never goes back; for differences.") {
        Stopwatch.now
      },
      Function(
        "type", "As Lua's type(), with the library's types by name: \"tensor\", \"module\", \"graph\" ...",
        .required("value", LuaArgument.self, "anything")
      ) { value in value.typeName },
    ]
  }
}
