/// JSON (RFC 8259) with objects as lists of pairs. Foundation's reader will not do for vocabularies: it keeps one of
/// two keys that differ only in how their accents are composed, and those are two tokens.
enum JSON {
  case null
  case truth(Bool)
  case number(Double)
  case text(String)
  case array([JSON])
  case object([(key: String, value: JSON)])

  /// The value in `bytes`, or nil where they hold none, or more.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var reader = JSONReader(bytes)
    guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
    self = value
  }

  /// The field of an object; nil where there is none, and where it is null.
  subscript(name: String) -> JSON? {
    guard case .object(let fields) = self, let value = fields.first(where: { $0.key == name })?.value else {
      return nil
    }
    if case .null = value { return nil }
    return value
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var truth: Bool? { if case .truth(let truth) = self { truth } else { nil } }
  var array: [JSON]? { if case .array(let items) = self { items } else { nil } }
  var object: [(key: String, value: JSON)]? { if case .object(let fields) = self { fields } else { nil } }
  var number: Double? { if case .number(let number) = self { number } else { nil } }
  /// A number without a fraction.
  var integer: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }
}

private struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  private static let deepest = 64

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return position == bytes.count
    }
  }

  mutating func value(depth: Int) -> JSON? {
    skipSpace()
    guard depth < Self.deepest, position < bytes.count else { return nil }
    switch bytes[position] {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "["): return array(depth)
    case UInt8(ascii: "\""): return text().map(JSON.text)
    case UInt8(ascii: "t"): return take("true") ? .truth(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .truth(false) : nil
    case UInt8(ascii: "n"): return take("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(_ depth: Int) -> JSON? {
    var fields: [(key: String, value: JSON)] = []
    position += 1
    if next(is: "}") { return .object(fields) }
    repeat {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\""), let key = text(), next(is: ":"),
        let value = value(depth: depth + 1)
      else { return nil }
      fields.append((key, value))
    } while next(is: ",")
    return next(is: "}") ? .object(fields) : nil
  }

  private mutating func array(_ depth: Int) -> JSON? {
    var items: [JSON] = []
    position += 1
    if next(is: "]") { return .array(items) }
    repeat {
      guard let item = value(depth: depth + 1) else { return nil }
      items.append(item)
    } while next(is: ",")
    return next(is: "]") ? .array(items) : nil
  }

  private mutating func number() -> JSON? {
    let digits = bytes[position...].prefix { "+-.eE0123456789".utf8.contains($0) }
    guard let first = digits.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
      let number = Double(String(decoding: digits, as: UTF8.self))
    else { return nil }
    position = digits.endIndex
    return .number(number)
  }

  /// The text that begins at the quote here.
  private mutating func text() -> String? {
    position += 1
    let plain = bytes[position...].prefix {
      $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 >= 0x20
    }
    if plain.endIndex < bytes.count, bytes[plain.endIndex] == UInt8(ascii: "\"") {
      position = plain.endIndex + 1
      return String(validating: plain, as: UTF8.self)
    }
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
      case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
      case 0..<0x20: return nil
      default: text.append(byte)
      }
    }
    return nil
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 8,
    UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
  ]

  private mutating func escape(into text: inout [UInt8]) -> Bool {
    guard position < bytes.count else { return false }
    let code = bytes[position]
    position += 1
    if let byte = Self.escapes[code] {
      text.append(byte)
      return true
    }
    guard code == UInt8(ascii: "u"), var unit = fourDigits() else { return false }
    if (0xD800..<0xDC00).contains(unit) {
      guard take("\\u"), let low = fourDigits(), (0xDC00..<0xE000).contains(low) else { return false }
      unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(unit) else { return false }
    text += Array(String(Character(scalar)).utf8)
    return true
  }

  private mutating func fourDigits() -> UInt32? {
    guard position + 4 <= bytes.count else { return nil }
    defer { position += 4 }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private mutating func next(is character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func take(_ word: String) -> Bool {
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
  }
}
