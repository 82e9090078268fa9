/// The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), read field by field where
/// it lies: nothing is copied, and no length is believed that the message cannot hold.
///
/// Whoever holds a message keeps the bytes behind it alive.
struct ProtobufMessage {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// Text, bytes, a message or packed numbers.
    case bytes(UnsafeMutableRawBufferPointer)
  }

  /// What is wrong with the bytes.
  struct Malformed: Error { let problem: String }

  let bytes: UnsafeMutableRawBufferPointer

  init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  /// Calls `body` with every field in the order of the bytes.
  func forEachField(_ body: (_ number: Int, _ value: Value) throws -> Void) throws {
    var cursor = Cursor(bytes)
    while !cursor.isAtEnd {
      let key = try cursor.varint()
      let number = key >> 3
      guard number > 0, number < 1 << 29 else {
        throw Malformed(problem: "holds a field with an impossible number")
      }
      switch key & 7 {
      case 0: try body(Int(number), .varint(try cursor.varint()))
      case 1: try body(Int(number), .fixed64(try cursor.fixed(UInt64.self)))
      case 2: try body(Int(number), .bytes(try cursor.lengthDelimited()))
      case 5: try body(Int(number), .fixed32(try cursor.fixed(UInt32.self)))
      default: throw Malformed(problem: "holds a field of an unknown wire type")
      }
    }
  }

  struct Cursor {
    private let bytes: UnsafeMutableRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func varint() throws -> UInt64 {
      var (result, shift) = (UInt64(0), UInt64(0))
      while shift < 64 {
        guard position < bytes.count else { throw Malformed(problem: "ends within a number") }
        let byte = bytes[position]
        position += 1
        result |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return result }
        shift += 7
      }
      throw Malformed(problem: "holds a number of more than 64 bits")
    }

    mutating func fixed<T: FixedWidthInteger>(_: T.Type) throws -> T {
      guard bytes.count - position >= MemoryLayout<T>.size else {
        throw Malformed(problem: "ends within a number")
      }
      defer { position += MemoryLayout<T>.size }
      return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    mutating func lengthDelimited() throws -> UnsafeMutableRawBufferPointer {
      let length = try varint()
      guard length <= UInt64(bytes.count - position) else {
        throw Malformed(problem: "is cut short: a field of \(length) bytes, \(bytes.count - position) follow")
      }
      defer { position += Int(length) }
      return UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
    }
  }
}

extension ProtobufMessage.Value {
  typealias Malformed = ProtobufMessage.Malformed

  func message() throws -> ProtobufMessage { ProtobufMessage(try content()) }

  func content() throws -> UnsafeMutableRawBufferPointer {
    guard case .bytes(let bytes) = self else {
      throw Malformed(problem: "holds a number where text or a message belongs")
    }
    return bytes
  }

  func text() throws -> String { String(decoding: try content(), as: UTF8.self) }

  func integer() throws -> Int {
    guard case .varint(let bits) = self else { throw Malformed(problem: "holds a field of the wrong type") }
    return Int(Int64(bitPattern: bits))
  }

  func float() throws -> Float {
    guard case .fixed32(let bits) = self else { throw Malformed(problem: "holds a field of the wrong type") }
    return Float(bitPattern: bits)
  }

  /// One number of a repeated field, or all of them where they are packed.
  func integers() throws -> [Int] {
    guard case .bytes(let bytes) = self else { return [try integer()] }
    var cursor = ProtobufMessage.Cursor(bytes)
    var result: [Int] = []
    while !cursor.isAtEnd { result.append(Int(Int64(bitPattern: try cursor.varint()))) }
    return result
  }

  func floats() throws -> [Float] {
    guard case .bytes(let bytes) = self else { return [try float()] }
    var cursor = ProtobufMessage.Cursor(bytes)
    var result: [Float] = []
    result.reserveCapacity(bytes.count / 4)
    while !cursor.isAtEnd { result.append(Float(bitPattern: try cursor.fixed(UInt32.self))) }
    return result
  }

  func doubles() throws -> [Double] {
    guard case .bytes(let bytes) = self else {
      guard case .fixed64(let bits) = self else {
        throw Malformed(problem: "holds a field of the wrong type")
      }
      return [Double(bitPattern: bits)]
    }
    var cursor = ProtobufMessage.Cursor(bytes)
    var result: [Double] = []
    while !cursor.isAtEnd { result.append(Double(bitPattern: try cursor.fixed(UInt64.self))) }
    return result
  }
}
