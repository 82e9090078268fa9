/// A FlatBuffers file (https://flatbuffers.dev/internals) as a tree of tables, written from the root on: whatever a
/// table refers to lies behind it.
enum FlatbufferField {
  case byte(Int)
  case int32(Int)
  case float(Float)
  case text(String)
  case bytes([UInt8], alignment: Int)
  case int32s([Int])
  case int64s([Int])
  case floats([Float])
  case table(FlatbufferFields)
  case tables([FlatbufferFields])

  /// Bytes in the table itself: the value, or the offset of what it refers to.
  fileprivate var size: Int { if case .byte = self { 1 } else { 4 } }
}

/// The fields of one table by their numbers in the schema; one that is left out has its default.
typealias FlatbufferFields = [Int: FlatbufferField]

struct FlatbufferWriter {
  private var bytes: [UInt8] = []
  /// Offsets still to be filled in, with what they lead to.
  private var pending: [(slot: Int, field: FlatbufferField)] = []

  /// - Parameter mark: the four letters that tell the kind of file.
  static func encode(_ root: FlatbufferFields, mark: String) -> [UInt8] {
    var writer = FlatbufferWriter()
    writer.put(UInt32(0))
    writer.bytes += mark.utf8
    writer.pending = [(0, .table(root))]
    var next = 0
    while next < writer.pending.count {
      let (slot, field) = writer.pending[next]
      writer.write(field, referredFrom: slot)
      next += 1
    }
    return writer.bytes
  }

  private mutating func write(_ field: FlatbufferField, referredFrom slot: Int) {
    switch field {
    case .byte, .int32, .float: preconditionFailure("numbers lie in their table")
    case .table(let fields): writeTable(fields, referredFrom: slot)
    case .tables(let tables):
      startVector(count: tables.count, alignment: 4, referredFrom: slot)
      for table in tables { putOffset(of: .table(table)) }
    case .text(let text):
      let utf8 = Array(text.utf8)
      startVector(count: utf8.count, alignment: 1, referredFrom: slot)
      bytes += utf8
      bytes.append(0)
    case .bytes(let data, let alignment):
      startVector(count: data.count, alignment: alignment, referredFrom: slot)
      bytes += data
    case .int32s(let values):
      startVector(count: values.count, alignment: 4, referredFrom: slot)
      for value in values { put(Int32(value)) }
    case .int64s(let values):
      startVector(count: values.count, alignment: 8, referredFrom: slot)
      for value in values { put(Int64(value)) }
    case .floats(let values):
      startVector(count: values.count, alignment: 4, referredFrom: slot)
      for value in values { put(value.bitPattern) }
    }
  }

  /// The list of field offsets, then the table, whose wider fields come first.
  private mutating func writeTable(_ fields: FlatbufferFields, referredFrom slot: Int) {
    let order = fields.sorted { ($1.value.size, $0.key) < ($0.value.size, $1.key) }
    let slots = (fields.keys.max() ?? -1) + 1
    var offsets = [UInt16](repeating: 0, count: slots)
    var size = 4
    for (number, field) in order {
      offsets[number] = UInt16(size)
      size += field.size
    }
    let listSize = 4 + 2 * slots
    while (bytes.count + listSize) % 4 != 0 { bytes.append(0) }
    let list = bytes.count
    put(UInt16(listSize))
    put(UInt16(size))
    for offset in offsets { put(offset) }
    fill(slot)
    put(Int32(bytes.count - list))
    for (_, field) in order {
      switch field {
      case .byte(let value): bytes.append(UInt8(truncatingIfNeeded: value))
      case .int32(let value): put(Int32(value))
      case .float(let value): put(value.bitPattern)
      default: putOffset(of: field)
      }
    }
  }

  private mutating func putOffset(of field: FlatbufferField) {
    pending.append((bytes.count, field))
    put(UInt32(0))
  }

  /// The length, placed so that the first element lies at a multiple of `alignment`.
  private mutating func startVector(count: Int, alignment: Int, referredFrom slot: Int) {
    while bytes.count % 4 != 0 || (bytes.count + 4) % alignment != 0 { bytes.append(0) }
    fill(slot)
    put(UInt32(count))
  }

  /// Lets an offset lead to the end of what is written.
  private mutating func fill(_ slot: Int) {
    withUnsafeBytes(of: UInt32(bytes.count - slot).littleEndian) { offset in
      for (i, byte) in offset.enumerated() { bytes[slot + i] = byte }
    }
  }

  private mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
