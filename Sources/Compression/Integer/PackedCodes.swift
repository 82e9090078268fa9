/// s8 codes as a file keeps them: in the bits of as many levels as they need.
struct PackedCodes {
  /// 2 (-1 and 1), 3 (-1, 0, 1), or 4, 8, ... 256 (-2^(n-1) ... 2^(n-1) - 1).
  let levels: Int
  /// 8 codes of two levels to a byte and 5 of three; others a stream of bits, the lowest first.
  let bytes: [UInt8]

  init(levels: Int, bytes: [UInt8]) { (self.levels, self.bytes) = (levels, bytes) }

  init(_ codes: [Int8]) {
    let levels = Self.levels(of: codes)
    self.levels = levels
    switch levels {
    case 256: bytes = codes.map { UInt8(bitPattern: $0) }
    case 3: bytes = Self.packTernary(codes)
    default:
      let (width, lowest) = Self.width(levels)
      bytes = Self.pack(codes.map { levels == 2 ? ($0 > 0 ? 1 : 0) : UInt8(Int($0) - lowest) }, width)
    }
  }

  /// nil where they do not fit.
  func codes(count: Int) -> [Int8]? {
    switch levels {
    case 3: return unpackTernary(count)
    case 2, 4, 8, 16, 32, 64, 128:
      let (width, lowest) = Self.width(levels)
      guard bytes.count == (count * width + 7) / 8 else { return nil }
      return Self.unpack(bytes, width, count).map { levels == 2 ? ($0 > 0 ? 1 : -1) : Int8(Int($0) + lowest) }
    default: return nil
    }
  }

  static func levels(of codes: [Int8]) -> Int {
    let (low, high) = codes.reduce((Int8(0), Int8(0))) { (min($0.0, $1), max($0.1, $1)) }
    if low >= -1 && high <= 1 { return codes.contains(0) || codes.isEmpty ? 3 : 2 }
    return [4, 8, 16, 32, 64, 128].first { -$0 / 2 <= Int(low) && Int(high) < $0 / 2 } ?? 256
  }

  /// What to say of codes in fewer than 8 bits.
  static func note(on codes: [Int8]) -> String {
    switch levels(of: codes) {
    case 2: ", binary"
    case 3: ", ternary"
    case 256: ""
    case let levels: ", \(levels.trailingZeroBitCount) bits"
    }
  }

  private static func width(_ levels: Int) -> (bits: Int, lowest: Int) {
    (levels.trailingZeroBitCount, -levels / 2)
  }

  private static func pack(_ values: [UInt8], _ width: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity((values.count * width + 7) / 8)
    var (pending, held): (UInt16, Int) = (0, 0)
    for value in values {
      pending |= UInt16(value) << UInt16(held)
      held += width
      if held >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: pending))
        (pending, held) = (pending >> 8, held - 8)
      }
    }
    if held > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
    return bytes
  }

  private static func unpack(_ bytes: [UInt8], _ width: Int, _ count: Int) -> [UInt8] {
    var values: [UInt8] = []
    values.reserveCapacity(count)
    var (pending, held, next): (UInt16, Int, Int) = (0, 0, 0)
    let mask = UInt16(1) << UInt16(width) - 1
    for _ in 0..<count {
      if held < width {
        pending |= UInt16(bytes[next]) << UInt16(held)
        (held, next) = (held + 8, next + 1)
      }
      values.append(UInt8(pending & mask))
      (pending, held) = (pending >> UInt16(width), held - width)
    }
    return values
  }

  private static func packTernary(_ codes: [Int8]) -> [UInt8] {
    stride(from: 0, to: codes.count, by: 5).map { first in
      codes[first..<min(first + 5, codes.count)].reversed().reduce(0) { $0 * 3 + UInt8($1 + 1) }
    }
  }

  private func unpackTernary(_ count: Int) -> [Int8]? {
    guard bytes.count == (count + 4) / 5, bytes.allSatisfy({ $0 < 243 }) else { return nil }
    var codes: [Int8] = []
    codes.reserveCapacity(count)
    for byte in bytes {
      var rest = byte
      for _ in 0..<min(5, count - codes.count) {
        codes.append(Int8(rest % 3) - 1)
        rest /= 3
      }
    }
    return codes
  }
}
