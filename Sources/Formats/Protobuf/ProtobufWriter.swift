/// Writes the wire format of Protocol Buffers, fields in the order they are given.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ number: Int, _ value: Int) {
    key(number, 0)
    append(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ number: Int, _ value: Float) {
    key(number, 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func text(_ number: Int, _ value: String) { data(number, Array(value.utf8)) }

  /// Leaves the field out where the text is empty, as proto3 does.
  mutating func nonEmpty(_ number: Int, _ value: String) { if !value.isEmpty { text(number, value) } }

  mutating func data(_ number: Int, _ value: some Collection<UInt8>) {
    key(number, 2)
    append(UInt64(value.count))
    bytes += value
  }

  mutating func data(_ number: Int, _ value: UnsafeRawBufferPointer) {
    key(number, 2)
    append(UInt64(value.count))
    bytes += value
  }

  mutating func message(_ number: Int, _ body: (inout ProtobufWriter) throws -> Void) rethrows {
    var inner = ProtobufWriter()
    try body(&inner)
    data(number, inner.bytes)
  }

  mutating func packed(_ number: Int, _ values: [Int]) {
    var inner = ProtobufWriter()
    for value in values { inner.append(UInt64(bitPattern: Int64(value))) }
    data(number, inner.bytes)
  }

  private mutating func key(_ number: Int, _ wireType: UInt64) { append(UInt64(number) << 3 | wireType) }

  private mutating func append(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
