/// How a tokenizer splits one word into tokens of its vocabulary.
public protocol SubwordModel: Sendable {
  var vocabulary: Vocabulary { get }
  /// The numbers of the word's tokens, in order.
  func encode(_ word: [Unicode.Scalar]) -> [Int]
}

/// WordPiece (Wu et al., 2016): the longest token that the word begins with, then the longest that continues it, and so
/// on; the unknown token for the whole word where that fails.
public struct WordPiece: SubwordModel {
  public let vocabulary: Vocabulary
  let unknown: Int
  /// What tokens within a word begin with: "##".
  let continuation: [UInt8]
  /// Words of more characters are unknown.
  let longestWord: Int

  public init(_ vocabulary: Vocabulary, unknown: Int, continuation: String, longestWord: Int) {
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.continuation = Array(continuation.utf8)
    self.longestWord = longestWord
  }

  public func encode(_ word: [Unicode.Scalar]) -> [Int] {
    guard word.count <= longestWord else { return [unknown] }
    // The continuation stands before the word, so that what follows any place can get it without a copy of the word.
    var bytes = continuation
    for character in word { bytes += UTF8.encode(character).map { Array($0) } ?? [] }
    var (ids, start) = ([Int](), continuation.count)
    while start < bytes.count {
      let isContinued = !ids.isEmpty
      let first = isContinued ? start - continuation.count : start
      if isContinued { bytes.replaceSubrange(first..<start, with: continuation) }
      guard let (id, end) = longestToken(bytes, first, after: start) else { return [unknown] }
      ids.append(id)
      start = end
    }
    return ids
  }

  /// The longest token from `first` on that takes at least one character from `start`.
  private func longestToken(_ bytes: [UInt8], _ first: Int, after start: Int) -> (id: Int, end: Int)? {
    bytes.withUnsafeBufferPointer { buffer in
      var end = buffer.count
      while end > start {
        if let id = vocabulary.id(UnsafeBufferPointer(rebasing: buffer[first..<end])) { return (id, end) }
        end -= 1
        while end > start, buffer[end] & 0xC0 == 0x80 { end -= 1 }
      }
      return nil
    }
  }
}
