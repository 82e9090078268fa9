import Models
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tables of text (RFC 4180): rows of numbers with one column of classes.
///
/// Fields are separated by a comma or another character, and may stand in quotes, where a quote is written twice.
/// Lines end with LF or CR LF; empty lines are skipped. Every problem is reported with its line and column.
public struct CSVFile {
  /// Which column holds the classes.
  public enum Label: Sendable {
    case name(String)
    /// Counted from 0, or from the end with negative numbers.
    case place(Int)
  }

  public var separator: UInt8 = UInt8(ascii: ",")
  /// Whether the first line names the columns; nil: it does where a field of it, other than the label, is no number.
  public var header: Bool?
  public var label = Label.place(-1)

  public init() {}

  /// Inputs f32 [N, columns - 1] and the classes of the label's column. Labels that are all whole numbers of at least
  /// 0 are the classes; other labels are numbered in their alphabetical order, and become the names of the classes.
  public func read(_ path: String) throws -> Dataset {
    let bytes = try AtomicFile.read(path)
    return try decode(Gzip.isCompressed(bytes) ? Gzip.decompress(bytes, path: path) : bytes, path)
  }

  /// The table in `bytes`; errors name `path`.
  func decode(_ bytes: [UInt8], _ path: String) throws -> Dataset {
    // A zero after the end stops the parsing of a last number.
    var reader = Reader(bytes: bytes + [0], end: bytes.count, separator: separator, path: path)
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { reader.skip(3) }
    guard var first = try reader.row() else { throw FileError(path, "has no rows; is it the right file?") }
    let names = try header(first, reader, path)
    let column = try labelColumn(names, count: first.count, path)
    if names != nil {
      guard let row = try reader.row() else { throw FileError(path, "has a header and no rows below it") }
      first = row
    }
    let width = names?.count ?? first.count
    var (values, labels) = ([Float](), [Substring]())
    values.reserveCapacity(bytes.count / 4)
    var next: [Field]? = first
    while let row = next {
      guard row.count == width else {
        throw FileError(
          path,
          "line \(reader.line): has \(row.count) columns where the first row has \(width); is a separator or a "
            + "quote missing, or is the separator another than '\(Character(UnicodeScalar(separator)))'?")
      }
      for (i, field) in row.enumerated() {
        if i == column {
          labels.append(Substring(reader.text(field)))
        } else {
          values.append(try reader.number(field, i, names?[i]))
        }
      }
      next = try reader.row()
    }
    let (targets, classNames) = try classes(labels, path)
    return try Dataset(
      inputs: Tensor([labels.count, width - 1], values), targets: targets, classNames: classNames)
  }

  private func header(_ row: [Field], _ reader: Reader, _ path: String) throws -> [String]? {
    let texts = row.map(reader.text)
    let numbers = row.map { reader.parse($0) != nil }
    let isHeader: Bool
    switch (header, label) {
    case (let said?, _): isHeader = said
    case (nil, .name): isHeader = true
    case (nil, .place(let place)):
      let skipped = place < 0 ? row.count + place : place
      isHeader = numbers.enumerated().contains { $0.offset != skipped && !$0.element }
    }
    return isHeader ? texts : nil
  }

  private func labelColumn(_ names: [String]?, count: Int, _ path: String) throws -> Int {
    switch label {
    case .place(let place):
      let column = place < 0 ? count + place : place
      guard (0..<count).contains(column) else {
        throw FileError(
          path,
          "has \(count) columns; there is no column \(place < 0 ? place : place + 1) to take labels from")
      }
      return column
    case .name(let name):
      guard let column = names?.firstIndex(of: name) else {
        let there = names.map { $0.map { "'\($0)'" }.joined(separator: ", ") } ?? "no names: header = false"
        throw FileError(path, "has no column '\(name)' to take labels from (there are \(there))")
      }
      return column
    }
  }

  private func classes(_ labels: [Substring], _ path: String) throws -> (Tensor, [String]?) {
    let numbers = labels.compactMap { Int64($0) }
    if numbers.count == labels.count, numbers.allSatisfy({ $0 >= 0 }) {
      return (try Tensor([labels.count], numbers), nil)
    }
    let names = Set(labels).sorted()
    guard names.count <= 100_000 else {
      throw FileError(path, "has \(names.count) different labels; is the label's column the right one?")
    }
    let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, Int64($0.offset)) })
    return (try Tensor([labels.count], labels.map { places[$0, default: 0] }), names.map(String.init))
  }
}

/// Where a field's text is, and whether it has doubled quotes.
private struct Field {
  var range: Range<Int>
  var hasQuotes = false
}

private struct Reader {
  let bytes: [UInt8]
  let end: Int
  let separator: UInt8
  let path: String
  /// Of the row read last, counted from 1.
  private(set) var line = 0
  private var place = 0
  private var linesSeen = 1

  init(bytes: [UInt8], end: Int, separator: UInt8, path: String) {
    (self.bytes, self.end, self.separator, self.path) = (bytes, end, separator, path)
  }

  mutating func skip(_ count: Int) { place += count }

  /// The next row that is not empty; nil at the end.
  mutating func row() throws -> [Field]? {
    while place < end, bytes[place] == 10 || (bytes[place] == 13 && bytes[place + 1] == 10) {
      place += bytes[place] == 13 ? 2 : 1
      linesSeen += 1
    }
    guard place < end else { return nil }
    line = linesSeen
    var fields: [Field] = []
    while true {
      fields.append(bytes[place] == UInt8(ascii: "\"") ? try quoted(fields.count) : plain())
      guard place < end, bytes[place] == separator else { break }
      place += 1
      if place == end { fields.append(Field(range: place..<place)) }
      if place == end { break }
    }
    if place < end, bytes[place] == 13 { place += 1 }
    if place < end {
      place += 1
      linesSeen += 1
    }
    return fields
  }

  private mutating func plain() -> Field {
    let start = place
    while place < end, bytes[place] != separator, bytes[place] != 10,
      !(bytes[place] == 13 && (place + 1 == end || bytes[place + 1] == 10))
    {
      place += 1
    }
    return Field(range: start..<place)
  }

  private mutating func quoted(_ column: Int) throws -> Field {
    place += 1
    let start = place
    var hasQuotes = false
    while place < end {
      if bytes[place] == 10 { linesSeen += 1 }
      if bytes[place] == UInt8(ascii: "\"") {
        guard bytes[place + 1] == UInt8(ascii: "\"") else { break }
        hasQuotes = true
        place += 1
      }
      place += 1
    }
    let range = start..<min(place, end)
    guard place < end else {
      throw FileError(path, "line \(line), column \(column + 1): a quote is opened and never closed")
    }
    place += 1
    guard place == end || [separator, 10, 13].contains(bytes[place]) else {
      throw FileError(
        path,
        "line \(line), column \(column + 1): there is text after the closing quote; write quotes within "
          + "quotes twice")
    }
    return Field(range: range, hasQuotes: hasQuotes)
  }

  func text(_ field: Field) -> String {
    let text = String(decoding: bytes[field.range], as: UTF8.self)
    let plain = field.hasQuotes ? text.replacing("\"\"", with: "\"") : text
    return String(plain.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// Spaces around a number are allowed; nil for what is no finite number.
  func parse(_ field: Field) -> Float? {
    guard !field.range.isEmpty, !bytes[field.range].contains(UInt8(ascii: "x")) else { return nil }
    return bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress else { return nil }
      let start = (base + field.range.lowerBound).assumingMemoryBound(to: CChar.self)
      var stop: UnsafeMutablePointer<CChar>?
      let value = strtof(start, &stop)
      guard var stop, stop != start else { return nil }
      let last = UnsafeRawPointer(base + field.range.upperBound)
      while UnsafeRawPointer(stop) < last, stop.pointee == 32 { stop += 1 }
      return UnsafeRawPointer(stop) == last && value.isFinite ? value : nil
    }
  }

  func number(_ field: Field, _ column: Int, _ name: String?) throws -> Float {
    if let value = parse(field) { return value }
    let text = text(field)
    let place = "line \(line), column \(column + 1)" + (name.map { " ('\($0)')" } ?? "")
    throw FileError(
      path,
      text.isEmpty
        ? "\(place): is empty; fill the value in or take the row out"
        : "\(place): '\(text.prefix(40))' is no number; is it the label's column, or a header?")
  }
}
