import Bindings
import LuaHost

enum Version {
  static var short: String { "\(Software.version), Lua \(LuaVM.release)" }

  /// What `--version` prints: everything a result may depend on, one a line.
  static var report: String {
    let parts = Software.versions.sorted { $0.key < $1.key }.filter { $0.key != "qscript" }
    return
      (["qscript \(Software.version)"] + parts.map { "\($0.key) \($0.value)" }
      + ["instruction set \(Software.instructionSet)"]).joined(separator: "\n")
  }
}
