/// Byte pair encoding (Sennrich et al., 2016): starts from characters and carries out, again and again, the merge of two
/// neighbours that was learnt first.
public struct BytePairEncoding: SubwordModel {
  public let vocabulary: Vocabulary
  private let merges: [Pair: Merge]
  private let options: Options

  public struct Options: Sendable {
    /// For characters that are no tokens; without it they are left out.
    public var unknown: Int?
    /// Whether neighbouring unknown characters become one unknown token.
    public var fusesUnknown = false
    /// What tokens within a word begin with, and the last of a word ends with.
    public var continuation = ""
    public var endOfWord = ""
    /// Whether a word that is a token is taken as it is.
    public var ignoresMerges = false

    public init() {}
  }

  private struct Pair: Hashable {
    let left: Int
    let right: Int
  }

  private struct Merge {
    let rank: Int
    let id: Int
  }

  /// Where a merge names something that is no token, answers nil.
  public init?(_ vocabulary: Vocabulary, merges: [(left: String, right: String)], options: Options) {
    self.vocabulary = vocabulary
    self.options = options
    var table: [Pair: Merge] = [:]
    table.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      let joined =
        merge.left + String(merge.right.unicodeScalars.dropFirst(options.continuation.unicodeScalars.count))
      guard let left = vocabulary.id(merge.left), let right = vocabulary.id(merge.right),
        let id = vocabulary.id(joined)
      else { return nil }
      table[Pair(left: left, right: right)] = Merge(rank: rank, id: id)
    }
    self.merges = table
  }

  public func encode(_ word: [Unicode.Scalar]) -> [Int] {
    if options.ignoresMerges, let whole = id(word[...], isFirst: true, isLast: true) { return [whole] }
    var symbols: [Int] = []
    symbols.reserveCapacity(word.count)
    for place in word.indices {
      if let id = id(word[place...place], isFirst: place == 0, isLast: place == word.count - 1) {
        symbols.append(id)
      } else if let unknown = options.unknown, !(options.fusesUnknown && symbols.last == unknown) {
        symbols.append(unknown)
      }
    }
    return merged(symbols)
  }

  private func id(_ characters: ArraySlice<Unicode.Scalar>, isFirst: Bool, isLast: Bool) -> Int? {
    var text = isFirst ? "" : options.continuation
    text.unicodeScalars.append(contentsOf: characters)
    return vocabulary.id(isLast ? text + options.endOfWord : text)
  }

  /// Neighbours that can be merged wait in a heap, so that long words take n log n steps; one whose parts have
  /// changed meanwhile is passed over.
  private func merged(_ symbols: [Int]) -> [Int] {
    var symbols: [Int?] = symbols
    var next = Array(1...max(symbols.count, 1))
    var previous = Array(-1..<max(symbols.count, 1) - 1)
    var queue = MergeQueue()
    func consider(_ left: Int, _ right: Int) {
      guard let a = symbols[left], let b = symbols[right], let merge = merges[Pair(left: a, right: b)] else {
        return
      }
      queue.push(.init(rank: merge.rank, place: left, id: merge.id))
    }
    for place in symbols.indices.dropLast() { consider(place, place + 1) }
    while let candidate = queue.pop() {
      let (left, right) = (candidate.place, next[candidate.place])
      guard let a = symbols[left], right < symbols.count, let b = symbols[right],
        let merge = merges[Pair(left: a, right: b)], merge.id == candidate.id
      else { continue }
      symbols[left] = merge.id
      symbols[right] = nil
      next[left] = next[right]
      if next[left] < symbols.count {
        previous[next[left]] = left
        consider(left, next[left])
      }
      if previous[left] >= 0 { consider(previous[left], left) }
    }
    return symbols.compactMap(\.self)
  }
}

/// The merges that wait, the one that was learnt first in front, and among equals the leftmost: a binary heap.
private struct MergeQueue {
  struct Candidate: Comparable {
    let rank: Int
    let place: Int
    let id: Int

    static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.place) < (b.rank, b.place) }
  }

  private var heap: [Candidate] = []

  mutating func push(_ candidate: Candidate) {
    heap.append(candidate)
    var place = heap.count - 1
    while place > 0, heap[place] < heap[(place - 1) / 2] {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func pop() -> Candidate? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var place = 0
    while true {
      let children = [2 * place + 1, 2 * place + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0] < heap[$1] }), heap[least] < heap[place] else {
        return first
      }
      heap.swapAt(place, least)
      place = least
    }
  }
}
