/// Reads the few Python literals that NumPy's headers are made of: dictionaries with text keys, text in either
/// quote, True and False, integers, tuples.
struct PythonLiteral {
  enum Value {
    case text(String)
    case truth(Bool)
    case integer(Int)
    case tuple([Value])
    case dictionary([String: Value])
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Whether nothing but white space is left.
  var isAtEnd: Bool { rest.allSatisfy(Self.isSpace) }

  /// The next literal, or nil where there is none. Tuples do not nest deeper than the header has use for.
  mutating func value(depth: Int = 0) -> Value? {
    skipSpace()
    guard let first = rest.first, depth < 3 else { return nil }
    switch first {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return text(quote: first)
    case UInt8(ascii: "{"): return dictionary(depth)
    case UInt8(ascii: "("): return tuple(depth)
    case UInt8(ascii: "T"): return take("True") ? .truth(true) : nil
    case UInt8(ascii: "F"): return take("False") ? .truth(false) : nil
    default: return integer()
    }
  }

  private mutating func text(quote: UInt8) -> Value? {
    let body = rest.dropFirst().prefix { $0 != quote && $0 != UInt8(ascii: "\\") }
    guard rest[body.endIndex...].first == quote else { return nil }
    rest = rest[(body.endIndex + 1)...]
    return String(validating: body, as: UTF8.self).map(Value.text)
  }

  private mutating func integer() -> Value? {
    let sign = rest.first == UInt8(ascii: "-") ? 1 : 0
    let digits = rest.dropFirst(sign).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let number = Int(String(decoding: rest[rest.startIndex..<digits.endIndex], as: UTF8.self))
    rest = rest[digits.endIndex...]
    return number.map(Value.integer)
  }

  private mutating func tuple(_ depth: Int) -> Value? {
    var items: [Value] = []
    guard take("(") else { return nil }
    while !take(")") {
      guard let item = value(depth: depth + 1) else { return nil }
      items.append(item)
      guard take(",") || rest.first == UInt8(ascii: ")") else { return nil }
    }
    return .tuple(items)
  }

  private mutating func dictionary(_ depth: Int) -> Value? {
    var entries: [String: Value] = [:]
    guard take("{") else { return nil }
    while !take("}") {
      guard case .text(let key)? = value(depth: depth + 1), take(":"), let item = value(depth: depth + 1)
      else {
        return nil
      }
      entries[key] = item
      guard take(",") || rest.first == UInt8(ascii: "}") else { return nil }
    }
    return .dictionary(entries)
  }

  /// Takes `token` if it comes next, after white space.
  private mutating func take(_ token: String) -> Bool {
    skipSpace()
    guard rest.starts(with: token.utf8) else { return false }
    rest = rest.dropFirst(token.utf8.count)
    skipSpace()
    return true
  }

  private mutating func skipSpace() { rest = rest.drop(while: Self.isSpace) }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
