import Foundation

/// The text of a script and where it came from.
struct Script {
  let text: String
  /// As error messages name it, in Lua's notation: `@` and a path, or `=` and any text.
  let chunk: String
  /// As given; nil where the text came from elsewhere.
  let path: String?

  init(code: String) { self.init(text: code, chunk: "=(command line)") }

  /// Text that no file holds.
  init(text: String, chunk: String) {
    self.text = text
    self.chunk = chunk
    path = nil
  }

  static func standardInput() throws -> Script {
    try Script(bytes: FileHandle.standardInput.readToEnd() ?? Data(), chunk: "=stdin", path: nil)
  }

  /// - Throws: `ScriptError` where the file cannot be read or is no text.
  static func file(_ path: String) throws -> Script {
    guard let file = fopen(path, "rb") else { throw ScriptError.unreadable(path, errno) }
    defer { fclose(file) }
    var bytes = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      bytes.append(contentsOf: buffer[..<count])
      if count < buffer.count { break }
    }
    guard ferror(file) == 0 else { throw ScriptError.unreadable(path, errno) }
    return try Script(bytes: bytes, chunk: "@" + path, path: path)
  }

  private init(bytes: Data, chunk: String, path: String?) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ScriptError.notText(String(chunk.dropFirst()), line: Self.firstBadLine(bytes))
    }
    self.text = Self.hidingFirstLine(of: text)
    self.chunk = chunk
    self.path = path
  }

  /// A byte order mark goes; a first line `#!/usr/bin/env qscript` becomes a comment, so that lines keep their
  /// numbers.
  private static func hidingFirstLine(of text: String) -> String {
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    return text.utf8.first == UInt8(ascii: "#") ? "--" + text : text
  }

  private static func firstBadLine(_ bytes: Data) -> Int {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
  }
}

/// Why a script could not be read.
enum ScriptError: Error, CustomStringConvertible {
  case unreadable(String, Int32)
  case notText(String, line: Int)

  var description: String {
    switch self {
    case .unreadable(let path, let code):
      "cannot read \(path): \(String(cString: strerror(code)).lowercased())"
    case .notText(let path, let line): "\(path):\(line): not UTF-8 text; save the script as UTF-8"
    }
  }
}
