/// The fields of one protobuf message, for the test data of the ONNX project.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  struct Malformed: Error {}

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Every field of the message with its number, in order.
  static func fields(_ bytes: ArraySlice<UInt8>) throws -> [(number: Int, value: Value)] {
    var reader = ProtobufReader(bytes)
    var fields: [(Int, Value)] = []
    while !reader.rest.isEmpty { fields.append(try reader.field()) }
    return fields
  }

  /// The numbers of a repeated varint field, packed or single.
  static func varints(_ value: Value) throws -> [Int64] {
    switch value {
    case .varint(let number): return [Int64(bitPattern: number)]
    case .bytes(let bytes):
      var reader = ProtobufReader(bytes)
      var numbers: [Int64] = []
      while !reader.rest.isEmpty { numbers.append(Int64(bitPattern: try reader.varint())) }
      return numbers
    default: throw Malformed()
    }
  }

  private mutating func field() throws -> (Int, Value) {
    let key = try varint()
    let number = Int(key >> 3)
    switch key & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try little(8)))
    case 2: return (number, .bytes(try take(Int(try varint()))))
    case 5: return (number, .fixed32(UInt32(try little(4))))
    default: throw Malformed()
    }
  }

  private mutating func varint() throws -> UInt64 {
    var (result, shift): (UInt64, UInt64) = (0, 0)
    while let byte = rest.popFirst(), shift < 64 {
      result |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return result }
      shift += 7
    }
    throw Malformed()
  }

  private mutating func little(_ count: Int) throws -> UInt64 {
    try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= rest.count else { throw Malformed() }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
