/// Tokens that a tokenizer finds in a text before it splits the rest: "[MASK]", "<s>", and what users add.
public struct AddedTokens: Sendable {
  public struct Token: Sendable {
    public var id: Int
    public var text: String
    /// Whether decoding leaves it out.
    public var isSpecial = false
    /// Found only where no word character is beside it.
    public var isWholeWord = false
    /// Whether it takes the white space before or after it along.
    public var stripsLeft = false
    public var stripsRight = false
    /// Looked for in the normalized text, else in the text as it is.
    public var isNormalized = false

    public init(id: Int, text: String) { (self.id, self.text) = (id, text) }
  }

  enum Piece {
    case text(ArraySlice<Unicode.Scalar>)
    case token(Int)
  }

  private struct Pattern {
    let token: Token
    let characters: [Unicode.Scalar]
  }

  public let all: [Token]
  /// By their first character, longest first.
  private var plain: [Unicode.Scalar: [Pattern]] = [:]
  private var normalized: [Unicode.Scalar: [Pattern]] = [:]

  public init(_ tokens: [Token], normalizer: TextNormalizer?) {
    all = tokens
    for token in tokens {
      let characters = Array(token.text.unicodeScalars)
      let pattern = token.isNormalized ? normalizer?(characters) ?? characters : characters
      guard let first = pattern.first else { continue }
      let entry = Pattern(token: token, characters: pattern)
      if token.isNormalized {
        normalized[first, default: []].append(entry)
      } else {
        plain[first, default: []].append(entry)
      }
    }
    for key in plain.keys { plain[key]?.sort { $0.characters.count > $1.characters.count } }
    for key in normalized.keys { normalized[key]?.sort { $0.characters.count > $1.characters.count } }
  }

  func split(_ text: [Unicode.Scalar]) -> [Piece] { Self.split(text, plain) }
  func splitNormalized(_ text: [Unicode.Scalar]) -> [Piece] { Self.split(text, normalized) }

  private static func split(_ text: [Unicode.Scalar], _ patterns: [Unicode.Scalar: [Pattern]]) -> [Piece] {
    if patterns.isEmpty { return text.isEmpty ? [] : [.text(text[...])] }
    var pieces: [Piece] = []
    var (done, place) = (0, 0)
    while place < text.count {
      guard let found = patterns[text[place]]?.first(where: { text[place...].starts(with: $0.characters) })
      else {
        place += 1
        continue
      }
      var (start, end) = (place, place + found.characters.count)
      place = end
      let token = found.token
      if token.isWholeWord, start > 0 && text[start - 1].isWord || end < text.count && text[end].isWord {
        continue
      }
      if token.stripsLeft { while start > done, text[start - 1].isSpace { start -= 1 } }
      if token.stripsRight { while end < text.count, text[end].isSpace { end += 1 } }
      if start > done { pieces.append(.text(text[done..<start])) }
      pieces.append(.token(token.id))
      (done, place) = (end, max(place, end))
    }
    if done < text.count { pieces.append(.text(text[done...])) }
    return pieces
  }
}
