import Foundation
import Testing

/// A file under Sources, as the tests of the architecture read it.
struct SourceFile {
  /// The folder of Sources it lies in.
  let room: String
  /// Within Sources.
  let path: String
  let lines: [Substring]

  var isSwift: Bool { path.hasSuffix(".swift") }

  /// Every file of code.
  static func all() throws -> [SourceFile] {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources")
      .standardized
    let paths = try #require(FileManager.default.enumerator(atPath: sources.path))
      .compactMap { $0 as? String }
      .filter { path in [".swift", ".c", ".h", ".inc", ".lua"].contains { path.hasSuffix($0) } }
    try #require(paths.count > 100, "the sources are not where they are looked for: \(sources.path)")
    return try paths.map {
      let text = try String(contentsOf: sources.appending(path: $0), encoding: .utf8)
      return SourceFile(
        room: String($0.prefix { $0 != "/" }), path: $0,
        lines: text.split(omittingEmptySubsequences: false) { $0.isNewline })
    }
  }
}
