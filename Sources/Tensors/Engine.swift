import CKernels
import COneDNN

/// What computes on this machine: settings and facts of the whole process.
public enum Engine {
  /// Such as `2.6.3`.
  public static var oneDNNVersion: String { String(cString: od_version()) }

  /// The instruction sets that kernels use, such as `avx512vnni`.
  public static var instructionSet: String { String(cString: qk_isa_name()) }

  /// Why the environment's `QSCRIPT_ISA` cannot be honoured (unknown, or this processor lacks it); nil where it can.
  public static var instructionSetProblem: String? { qk_isa_error().map { String(cString: $0) } }

  /// Threads of every later computation.
  ///
  /// - Throws: where oneDNN was built without threads.
  public static func setThreads(_ count: Int) throws {
    guard od_set_threads(Int32(clamping: count)) == OD_OK else {
      throw ShapeError("threads", String(cString: od_last_error()))
    }
  }
}
