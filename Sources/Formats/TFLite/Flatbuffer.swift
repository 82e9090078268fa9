/// A table of a FlatBuffers file (https://flatbuffers.dev/internals), read where it lies; no offset is believed that
/// leads out of the file.
///
/// Whoever holds a table keeps the bytes behind it alive.
struct FlatbufferTable {
  /// What is wrong with the bytes.
  struct Malformed: Error { let problem: String }

  let bytes: UnsafeMutableRawBufferPointer
  private let position: Int
  /// Where the table of field offsets lies, and its length in bytes.
  private let fields: (start: Int, count: Int)

  /// How many bytes of lists may still be copied: any number of tables may share one list, and would multiply it.
  private final class Allowance {
    var bytes: Int
    init(_ file: Int) { bytes = 4 * file + 4096 }
  }
  private let allowance: Allowance

  /// The root table of a file.
  init(root bytes: UnsafeMutableRawBufferPointer) throws {
    try self.init(bytes, at: Int(Self.load(bytes, 0, UInt32.self)), Allowance(bytes.count))
  }

  private init(_ bytes: UnsafeMutableRawBufferPointer, at position: Int, _ allowance: Allowance) throws {
    (self.bytes, self.position, self.allowance) = (bytes, position, allowance)
    let start = position - Int(try Self.load(bytes, position, Int32.self))
    let count = Int(try Self.load(bytes, start, UInt16.self))
    guard count >= 4, start + count <= bytes.count else {
      throw Malformed(problem: "is damaged: a table leads out of the file")
    }
    fields = (start, count)
  }

  private static func load<T: FixedWidthInteger>(
    _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int, _: T.Type
  ) throws -> T {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<T>.size else {
      throw Malformed(problem: "is damaged or cut short: an offset leads out of the file")
    }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Where field number `field` lies; nil where it is left out.
  private func place(_ field: Int) throws -> Int? {
    let entry = 4 + 2 * field
    guard entry + 2 <= fields.count else { return nil }
    let offset = Int(try Self.load(bytes, fields.start + entry, UInt16.self))
    return offset == 0 ? nil : position + offset
  }

  private func reference(_ field: Int) throws -> Int? {
    guard let place = try place(field) else { return nil }
    return place + Int(try Self.load(bytes, place, UInt32.self))
  }

  // MARK: Fields

  func integer<T: FixedWidthInteger>(_ field: Int, _: T.Type, default value: T = 0) throws -> T {
    guard let place = try place(field) else { return value }
    return try Self.load(bytes, place, T.self)
  }

  func float(_ field: Int, default value: Float = 0) throws -> Float {
    guard let place = try place(field) else { return value }
    return Float(bitPattern: try Self.load(bytes, place, UInt32.self))
  }

  func flag(_ field: Int) throws -> Bool { try integer(field, UInt8.self) != 0 }

  func table(_ field: Int) throws -> FlatbufferTable? {
    guard let place = try reference(field) else { return nil }
    return try FlatbufferTable(bytes, at: place, allowance)
  }

  /// The bytes of a vector that will be copied, and count against the allowance.
  private func list(_ field: Int, elementSize size: Int) throws -> UnsafeMutableRawBufferPointer {
    let vector = try vector(field, elementSize: size)
    allowance.bytes -= vector.count
    guard allowance.bytes >= 0 else {
      throw Malformed(problem: "is damaged: its tables share lists that are longer together than the file")
    }
    return vector
  }

  /// The bytes of a vector whose elements have `size` bytes.
  func vector(_ field: Int, elementSize size: Int) throws -> UnsafeMutableRawBufferPointer {
    guard let place = try reference(field) else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    let count = Int(try Self.load(bytes, place, UInt32.self))
    guard count <= (bytes.count - place - 4) / size else {
      throw Malformed(problem: "is damaged or cut short: a list of \(count) elements leads out of the file")
    }
    return UnsafeMutableRawBufferPointer(rebasing: bytes[place + 4..<place + 4 + count * size])
  }

  func text(_ field: Int) throws -> String {
    String(decoding: try list(field, elementSize: 1), as: UTF8.self)
  }

  func integers<T: FixedWidthInteger>(_ field: Int, _: T.Type) throws -> [Int] {
    let size = MemoryLayout<T>.size
    let vector = try list(field, elementSize: size)
    return try (0..<vector.count / size).map { Int(try Self.load(vector, $0 * size, T.self)) }
  }

  func floats(_ field: Int) throws -> [Float] {
    try integers(field, UInt32.self).map { Float(bitPattern: UInt32($0)) }
  }

  func tables(_ field: Int) throws -> [FlatbufferTable] {
    guard let place = try reference(field) else { return [] }
    let count = try list(field, elementSize: 4).count / 4
    return try (0..<count).map { i in
      let entry = place + 4 + 4 * i
      return try FlatbufferTable(bytes, at: entry + Int(Self.load(bytes, entry, UInt32.self)), allowance)
    }
  }
}
