import Tensors

/// Which tokens a tokenizer puts around one text, or around two: BERT's `[CLS] A [SEP] B [SEP]`.
public struct TokenTemplate: Sendable {
  public enum Part: Sendable {
    case special(ids: [Int], type: Int)
    /// The first or the second text.
    case text(Int, type: Int)
  }

  public var single: [Part]
  public var pair: [Part]

  public init(single: [Part], pair: [Part]) { (self.single, self.pair) = (single, pair) }

  /// Nothing around the texts.
  public static let bare = TokenTemplate(
    single: [.text(0, type: 0)], pair: [.text(0, type: 0), .text(1, type: 1)])

  /// How many tokens it adds.
  static func added(_ parts: [Part]) -> Int {
    parts.reduce(0) { sum, part in if case .special(let ids, _) = part { sum + ids.count } else { sum } }
  }
}

/// Which tokens of a text that is too long stay.
public struct Truncation: Sendable {
  public enum Strategy: String, Sendable {
    /// The longer text loses first.
    case longestFirst = "LongestFirst"
    case onlyFirst = "OnlyFirst"
    case onlySecond = "OnlySecond"
  }

  public var strategy = Strategy.longestFirst
  /// Whether the beginning goes, not the end.
  public var fromLeft = false

  public init() {}

  /// Shortens the texts to `room` tokens together.
  func shorten(_ texts: inout [[Int]], to room: Int) throws {
    let excess = texts.reduce(0) { $0 + $1.count } - room
    guard excess > 0 else { return }
    var lengths = texts.map(\.count)
    switch strategy {
    case .longestFirst where lengths.count == 2: lengths = Self.balanced(lengths, room)
    case .longestFirst, .onlyFirst: lengths[0] -= excess
    case .onlySecond: lengths[lengths.count - 1] -= excess
    }
    try require(
      lengths.allSatisfy { $0 >= 0 }, "encode",
      "the text that is to be cut is too short for that (\(strategy.rawValue)); raise max_length by \(excess)"
    )
    for i in texts.indices {
      texts[i] = Array(fromLeft ? texts[i].suffix(lengths[i]) : texts[i].prefix(lengths[i]))
    }
  }

  /// The shorter text stays whole while the other has as much or more.
  private static func balanced(_ lengths: [Int], _ room: Int) -> [Int] {
    let (short, long) = (min(lengths[0], lengths[1]), max(lengths[0], lengths[1]))
    var (a, b) = (short, short > room ? short : max(short, room - short))
    if a + b > room { (a, b) = (room / 2, room / 2 + room % 2) }
    return lengths[0] > lengths[1] ? [min(b, long), a] : [a, min(b, long)]
  }
}

/// What fills up shorter texts of a batch.
public struct Padding: Sendable {
  public var id: Int
  public var type = 0
  public var onLeft = false
  /// Lengths are rounded up to a multiple of this.
  public var multiple = 1

  public init(id: Int) { self.id = id }
}

/// The tokens of one text or pair of texts.
public struct Encoding: Sendable {
  public var ids: [Int] = []
  public var types: [Int] = []
}

extension Tensor {
  /// [N, L] of rows that are filled up with `filler`.
  convenience init(rows: [[Int]], length: Int, filler: Int, onLeft: Bool) throws {
    try self.init(undefined: [rows.count, length], .i64)
    for (place, row) in rows.enumerated() {
      let line = UnsafeMutableBufferPointer(start: pointer(Int64.self) + place * length, count: length)
      line.update(repeating: Int64(filler))
      let first = onLeft ? length - row.count : 0
      for (i, id) in row.enumerated() { line[first + i] = Int64(id) }
    }
  }
}
