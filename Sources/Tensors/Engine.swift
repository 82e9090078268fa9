import CKernels
import COneDNN
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What computes on this machine: settings and facts of the whole process.
public enum Engine {
  /// Such as `2.6.3`.
  public static var oneDNNVersion: String { String(cString: od_version()) }

  /// The instruction sets that kernels use, such as `avx512vnni`.
  public static var instructionSet: String { String(cString: qk_isa_name()) }

  /// Names of the instruction sets that this processor can run, `portable` first, the most capable last.
  public static var runnableInstructionSets: [String] { levels.map { String(cString: $0.pointee.name) } }

  private static var levels: [UnsafePointer<qk_isa_level>] {
    var count = 0
    guard let first = qk_isa_levels(&count) else { return [] }
    return (0..<count).map { first + $0 }.filter { $0.pointee.isa & ~qk_cpu() == 0 }
  }

  /// Calls `body` with the kernels it calls on this thread held to an instruction set, and all others left alone.
  public static func withInstructionSet<T>(_ name: String, _ body: () throws -> T) throws -> T {
    guard let level = levels.first(where: { String(cString: $0.pointee.name) == name }) else {
      throw ShapeError(
        "instruction set",
        "this processor cannot run '\(name)' (it can run: "
          + runnableInstructionSets.joined(separator: ", ") + ")")
    }
    let before = qk_isa_hold(level)
    defer { _ = qk_isa_hold(before) }
    return try body()
  }

  /// Integer operations (two to a multiply-accumulate) that one core can do in a second with that instruction set,
  /// measured now, in about 2 ms; nil where it is not known.
  public static var integerPeak: Double? {
    let peak = qk_peak(qk_isa_active())
    return peak > 0 ? peak : nil
  }

  /// Operations in fp32 (two to a multiply-accumulate) that one core can do in a second, measured now, in about
  /// 2 ms; nil where it is not known.
  public static var floatPeak: Double? {
    let peak = qk_peak_f32()
    return peak > 0 ? peak : nil
  }

  /// Why the environment's `QSCRIPT_ISA` cannot be honoured (unknown, or this processor lacks it); nil where it can.
  public static var instructionSetProblem: String? { qk_isa_error().map { String(cString: $0) } }

  private static let threadCount = Atomic<Int>(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Threads of a computation: one for each processor, unless `setThreads` said otherwise.
  public static var threads: Int { threadCount.load(ordering: .relaxed) }

  /// Threads of every later computation.
  ///
  /// - Throws: where the count is not positive.
  public static func setThreads(_ count: Int) throws {
    try require(count >= 1, "threads", "the thread count must be positive (got \(count))")
    threadCount.store(count, ordering: .relaxed)
  }

  /// Calls `body` with another number of threads.
  public static func withThreads<T>(_ count: Int, _ body: () throws -> T) throws -> T {
    let before = threads
    if count == before { return try body() }
    try setThreads(count)
    do {
      let result = try body()
      try setThreads(before)
      return result
    } catch {
      try setThreads(before)
      throw error
    }
  }
}
