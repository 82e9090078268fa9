/// How a tokenizer splits a normalized text into words, which its model then splits further.
public enum WordSplitter: Sendable {
  /// BERT's: at white space, which goes, and around each punctuation character.
  case bert
  /// GPT-2's: by its pattern for contractions, words, numbers and the rest, where `usesPattern`; then each byte becomes
  /// a printable character.
  case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
  /// Runs of word characters and runs of others, without white space.
  case whitespace
  /// At white space, which goes.
  case whitespaceOnly
  /// Around each punctuation character.
  case punctuation
  /// Around runs of digits, or around each.
  case digits(individually: Bool)
  case sequence([WordSplitter])

  public func callAsFunction(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    switch self {
    case .bert: Self.runs(text) { $0.isSpace ? .gap : $0.isPunctuation ? .single : .run(0) }
    case .whitespace: Self.runs(text) { $0.isSpace && !$0.isWord ? .gap : .run($0.isWord ? 1 : 0) }
    case .whitespaceOnly: Self.runs(text) { $0.isSpace ? .gap : .run(0) }
    case .punctuation: Self.runs(text) { $0.isPunctuation ? .single : .run(0) }
    case .digits(let individually):
      Self.runs(text) { $0.isNumber ? (individually ? .single : .run(1)) : .run(0) }
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      ByteLevel.words(addsPrefixSpace && text.first != " " ? [" "] + text : text, usesPattern: usesPattern)
    case .sequence(let steps): steps.reduce([text]) { words, step in words.flatMap { step($0) } }
    }
  }

  private enum Kind: Equatable {
    case gap, single
    case run(Int)
  }

  /// Characters of one kind together; gaps are left out.
  private static func runs(_ text: [Unicode.Scalar], _ kind: (Unicode.Scalar) -> Kind) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var last = Kind.gap
    for character in text {
      let kind = kind(character)
      if kind != .gap {
        if kind == last && kind != .single {
          words[words.count - 1].append(character)
        } else {
          words.append([character])
        }
      }
      last = kind
    }
    return words
  }
}
