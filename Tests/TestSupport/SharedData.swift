import Foundation

/// Data sets that lie beside the repository: in `$QSCRIPT_SHARED/data`, or in `shared/data` beside the package or
/// one of the folders above it.
public enum SharedData {
  public struct Absent: Error, CustomStringConvertible {
    let name: String
    public var description: String { "shared/data/\(name) is not there (set QSCRIPT_SHARED)" }
  }

  /// The path of the data set called `name`, or nil where it is absent; tests that need it are then disabled.
  public static func folder(_ name: String) -> String? {
    var candidates: [URL] = []
    if let path = ProcessInfo.processInfo.environment["QSCRIPT_SHARED"] {
      candidates.append(URL(fileURLWithPath: path))
    }
    var above = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    while above.path != "/" {
      above.deleteLastPathComponent()
      candidates.append(above.appendingPathComponent("shared"))
    }
    return candidates.map { $0.appendingPathComponent("data/\(name)").path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }
}
