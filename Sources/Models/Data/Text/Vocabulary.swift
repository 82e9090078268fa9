/// Tokens and their numbers. Tokens are told apart by their bytes: two that Swift's strings hold for equal, because
/// their accents are only composed differently, are two.
public struct Vocabulary: Sendable {
  private var text: [UInt8] = []
  /// The token at each place: its number, and where in `text` it ends.
  private var entries: [(id: Int, end: Int)] = []
  private var places: [Int: Int] = [:]
  /// Open addressing: places plus one, 0 where nothing is.
  private var table: [Int32]

  /// Later tokens and numbers take the place of equal earlier ones.
  public init(_ tokens: [(token: String, id: Int)]) {
    let size = tokens.count * 2 + 1
    table = [Int32](repeating: 0, count: 1 << (Int.bitWidth - size.leadingZeroBitCount))
    for (token, id) in tokens {
      let bytes = Array(token.utf8)
      places[id] = entries.count
      bytes.withUnsafeBufferPointer { table[slot(of: $0)] = Int32(entries.count + 1) }
      text += bytes
      entries.append((id, text.count))
    }
  }

  /// The number of tokens.
  public var count: Int { places.count }

  public func id(_ token: String) -> Int? {
    var token = token
    return token.withUTF8 { id($0) }
  }

  public func id(_ token: UnsafeBufferPointer<UInt8>) -> Int? {
    let place = table[slot(of: token)]
    return place == 0 ? nil : entries[Int(place) - 1].id
  }

  public func token(_ id: Int) -> String? {
    places[id].map { String(decoding: text[range($0)], as: UTF8.self) }
  }

  private func range(_ place: Int) -> Range<Int> {
    (place == 0 ? 0 : entries[place - 1].end)..<entries[place].end
  }

  /// Where the token is, or would be put.
  private func slot(of token: UnsafeBufferPointer<UInt8>) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
    for byte in token { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & (table.count - 1)
    while table[slot] != 0, !text[range(Int(table[slot]) - 1)].elementsEqual(token) {
      slot = (slot + 1) & (table.count - 1)
    }
    return slot
  }
}
