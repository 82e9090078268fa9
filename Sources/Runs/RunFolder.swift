/// Where the files of one run lie, and what its folder is called: `<time>-<name>-<id>`.
public struct RunFolder: Hashable, Sendable {
  public let path: String

  var record: String { path + "/run.json" }
  var metrics: String { path + "/metrics.jsonl" }
  var output: String { path + "/stdout.log" }
  var script: String { path + "/script.lua" }
  var artifacts: String { path + "/artifacts" }
}

extension RunFolder {
  static let idLength = 8

  static func name(started: Timestamp, name: String, id: String) -> String {
    "\(started.compact)-\(fileName(name))-\(id)"
  }

  static func randomID() -> String {
    let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    return String(repeating: "0", count: idLength - digits.count) + digits
  }

  /// A run's name as a part of a file's name.
  static func fileName(_ name: String) -> String {
    let kept = name.utf8.prefix(60).map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        byte
      default: UInt8(ascii: "-")
      }
    }
    return kept.isEmpty ? "run" : String(decoding: kept, as: UTF8.self)
  }

  /// The parts of a folder's name; nil where it is not one of a run.
  static func parse(_ folderName: String) -> (started: Timestamp, name: String, id: String)? {
    let parts = folderName.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].count == 8, parts[1].count == 6, let id = parts.last,
      id.utf8.count == idLength, id.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let started = Timestamp(digitsOf: parts[0] + parts[1])
    else { return nil }
    return (started, parts[2..<(parts.count - 1)].joined(separator: "-"), String(id))
  }
}
