import Tensors

/// Damages a file's bytes as disks, networks and attackers do. The same number gives the same damage.
struct Mutation {
  private var generator: Generator

  init(seed: UInt64) { generator = Generator(seed: seed) }

  /// One of the files with one to four changes.
  mutating func damaged(_ files: [[UInt8]]) -> [UInt8] {
    var bytes = files[generator.index(below: files.count)]
    for _ in 0...generator.index(below: 4) { change(&bytes, others: files) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8], others: [[UInt8]]) {
    guard !bytes.isEmpty else { return }
    let place = place(in: bytes)
    switch generator.index(below: 10) {
    case 0: bytes.removeSubrange(place...)
    case 1, 2: bytes[place] ^= 1 << UInt8(generator.index(below: 8))
    case 3:
      bytes[place] =
        [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)][generator.index(below: 6)]
    case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.index(below: 64)))
    case 5: bytes.insert(contentsOf: chunk(of: others[generator.index(below: others.count)]), at: place)
    case 6:
      let piece = chunk(of: others[generator.index(below: others.count)])
      bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
    case 7, 8: setNumber(&bytes, place)
    default: setDigits(&bytes, place)
    }
  }

  /// Anywhere, but half of the time near the beginning or the end, where formats say what they hold.
  private mutating func place(in bytes: [UInt8]) -> Int {
    let near = min(bytes.count, 128)
    switch generator.index(below: 4) {
    case 0: return generator.index(below: near)
    case 1: return bytes.count - 1 - generator.index(below: near)
    default: return generator.index(below: bytes.count)
    }
  }

  private mutating func chunk(of bytes: [UInt8]) -> [UInt8] {
    guard !bytes.isEmpty else { return [] }
    let start = generator.index(below: bytes.count)
    return Array(bytes[start..<min(bytes.count, start + 1 + generator.index(below: 48))])
  }

  /// A binary number of a kind that lengths and counts have, at its edges.
  private mutating func setNumber(_ bytes: inout [UInt8], _ place: Int) {
    let edges: [UInt64] = [
      0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62, 1 << 63,
      .max,
      UInt64(bytes.count), UInt64(bytes.count + 1), UInt64(bytes.count - 1),
    ]
    let value = edges[generator.index(below: edges.count)]
    let width = [1, 2, 4, 8][generator.index(below: 4)]
    let isBig = generator.index(below: 4) == 0
    for i in 0..<min(width, bytes.count - place) {
      bytes[place + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (isBig ? width - 1 - i : i)))
    }
  }

  /// A number as text, in place of the next one.
  private mutating func setDigits(_ bytes: inout [UInt8], _ place: Int) {
    let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
    guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
    let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
    let edges = [
      "0", "1", "-1", "2", "255", "65536", "2147483648", "4294967296", "99999999999", "9223372036854775807",
      "9223372036854775808", "18446744073709551616", "1e308", "0.5", "null", "true", "[]", "{}", "\"\"",
    ]
    bytes.replaceSubrange(start..<end, with: Array(edges[generator.index(below: edges.count)].utf8))
  }
}
