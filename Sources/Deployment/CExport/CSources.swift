import CResources
import Tensors

/// The C files that stand alone (`CKernels/include/plain`), put together to one text.
struct CSources {
  /// What names start with instead of `qk`.
  let prefix: String
  private(set) var text = ""
  /// The standard's headers it needs.
  private(set) var headers: Set<String> = []
  private var added: Set<String> = []

  init(prefix: String) { self.prefix = prefix }

  /// Adds a file after those it includes, once.
  mutating func add(_ file: String) throws {
    guard added.insert(file).inserted else { return }
    var length = 0
    guard let source = qr_c_source(file, &length) else {
      throw ShapeError("export", "there is no C source '\(file)'")
    }
    var lines: [Substring] = []
    for line in String(cString: source).split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("#include ") else {
        if line != "#pragma once" { lines.append(line) }
        continue
      }
      let name = String(line.dropFirst("#include ".count).dropFirst().dropLast())
      if line.hasSuffix(">") { headers.insert(name) } else { try add(name) }
    }
    let body = lines.drop { $0.isEmpty }.joined(separator: "\n")
    text += renamed(body.hasSuffix("\n") ? body : body + "\n") + "\n"
  }

  /// `qk_` and `QK_` at the start of names become the prefix.
  private func renamed(_ source: String) -> String {
    var result: [UInt8] = []
    var rest = Array(source.utf8)[...]
    let names = [("qk_", prefix + "_"), ("QK_", prefix.uppercased() + "_")].map {
      (Array($0.utf8), Array($1.utf8))
    }
    var isInName = false
    while let byte = rest.first {
      if !isInName, let (old, new) = names.first(where: { rest.starts(with: $0.0) }) {
        result += new
        rest = rest.dropFirst(old.count)
        isInName = true
      } else {
        isInName = byte.isPartOfName
        result.append(byte)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension UInt8 {
  /// An ASCII letter, digit or underscore.
  var isPartOfName: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
