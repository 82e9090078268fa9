import Foundation

/// The folder of data sets beside the package, or nil where it is absent.
enum SharedData {
  static let folder: String? = {
    var candidates = ProcessInfo.processInfo.environment["QSCRIPT_SHARED"].map { [$0] } ?? []
    var root = URL(fileURLWithPath: #filePath)
    while root.path != "/" {
      root.deleteLastPathComponent()
      candidates.append(root.appendingPathComponent("shared").path)
    }
    return candidates.map { $0 + "/data" }.first { FileManager.default.fileExists(atPath: $0) }
  }()
}

/// A folder of its own for one test, removed when `body` ends.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}
