import LuaHost
import Tensors

/// The parts of this program that a result may depend on.
public enum Software {
  public static let version = "0.1.0"

  /// By name, such as `qscript` or `oneDNN`.
  public static var versions: [String: String] {
    ["qscript": version, "Lua": LuaVM.release, "oneDNN": Engine.oneDNNVersion]
  }

  /// What the kernels of this process use, such as `avx512vnni`.
  public static var instructionSet: String { Engine.instructionSet }

  /// - Throws: where oneDNN cannot compute with that many.
  public static func setThreads(_ count: Int) throws { try Engine.setThreads(count) }
}
