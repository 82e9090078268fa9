import Tensors

/// Text to the numbers of tokens and back, as a model was trained with: normalizing, splitting into words, splitting
/// words into tokens, and the tokens around the whole.
public final class Tokenizer: Sendable {
  public enum Decoder: Sendable {
    /// A blank before each token that does not begin with the prefix; with `cleansUp` none before punctuation.
    case wordPiece(prefix: String, cleansUp: Bool)
    case byteLevel
    /// Blanks between tokens.
    case plain
    /// One that is not known, by its name.
    case unknown(String)
  }

  public let model: any SubwordModel
  public let added: AddedTokens
  let normalizer: TextNormalizer?
  let splitter: WordSplitter?
  let template: TokenTemplate
  let decoder: Decoder
  let truncation: Truncation
  let padding: Padding
  /// Where texts are cut unless the caller says otherwise.
  public let maxLength: Int?
  private let addedByID: [Int: AddedTokens.Token]

  public init(
    model: any SubwordModel, added: [AddedTokens.Token] = [], normalizer: TextNormalizer? = nil,
    splitter: WordSplitter? = nil, template: TokenTemplate = .bare, decoder: Decoder = .plain,
    truncation: Truncation = Truncation(), maxLength: Int? = nil, padding: Padding? = nil
  ) {
    self.model = model
    self.added = AddedTokens(added, normalizer: normalizer)
    self.normalizer = normalizer
    self.splitter = splitter
    self.template = template
    self.decoder = decoder
    self.truncation = truncation
    self.maxLength = maxLength
    let names: Set<String> = ["[PAD]", "<pad>"]
    self.padding = padding ?? Padding(id: added.first { names.contains($0.text) }?.id ?? 0)
    addedByID = Dictionary(added.map { ($0.id, $0) }) { _, last in last }
  }

  /// The number of different tokens.
  public var vocabularySize: Int {
    model.vocabulary.count + addedByID.keys.filter { model.vocabulary.token($0) == nil }.count
  }

  public func id(_ token: String) -> Int? {
    added.all.first { $0.text.utf8.elementsEqual(token.utf8) }?.id ?? model.vocabulary.id(token)
  }

  public func token(_ id: Int) -> String? { addedByID[id]?.text ?? model.vocabulary.token(id) }

  // MARK: Encoding

  /// The tokens of a text, with nothing around them and none left out.
  public func tokens(of text: String) -> [Int] {
    added.split(Array(text.unicodeScalars)).flatMap { piece -> [Int] in
      switch piece {
      case .token(let id): [id]
      case .text(let text): tokens(within: Array(text))
      }
    }
  }

  private func tokens(within text: [Unicode.Scalar]) -> [Int] {
    added.splitNormalized(normalizer?(text) ?? text).flatMap { piece -> [Int] in
      switch piece {
      case .token(let id): [id]
      case .text(let text): (splitter?(Array(text)) ?? [Array(text)]).flatMap { model.encode($0) }
      }
    }
  }

  /// A text, or two that belong together, in at most `limit` tokens.
  public func encode(_ text: String, pair: String? = nil, limit: Int? = nil, withSpecial: Bool = true) throws
    -> Encoding
  {
    var texts = ([text] + (pair.map { [$0] } ?? [])).map { tokens(of: $0) }
    let template = withSpecial ? template : .bare
    let parts = pair == nil ? template.single : template.pair
    if let limit = limit ?? maxLength {
      let room = limit - TokenTemplate.added(parts)
      try require(
        room >= 0, "encode", "max_length is \(limit), but \(limit - room) tokens stand around every text")
      try truncation.shorten(&texts, to: room)
    }
    var encoding = Encoding()
    for part in parts {
      let (ids, type) =
        switch part {
        case .special(let ids, let type): (ids, type)
        case .text(let number, let type): (texts.indices.contains(number) ? texts[number] : [], type)
        }
      encoding.ids += ids
      encoding.types += [Int](repeating: type, count: ids.count)
    }
    return encoding
  }

  /// A batch as models take it, filled up to the longest or to `length`: the tokens' numbers, 1 where they are tokens
  /// and 0 where they fill up, and which text each belongs to; all [N, L], i64.
  public func batch(_ encodings: [Encoding], length: Int? = nil) throws -> (
    ids: Tensor, mask: Tensor, types: Tensor
  ) {
    let longest = encodings.map(\.ids.count).max() ?? 0
    let (wanted, multiple) = (max(longest, length ?? 0), padding.multiple)
    try require(
      wanted <= Shape.maximumCount, "encode", "a batch of \(wanted) tokens a text is too long")
    let rounded = (wanted + multiple - 1) / multiple * multiple
    func tensor(_ rows: [[Int]], _ filler: Int) throws -> Tensor {
      try Tensor(rows: rows, length: rounded, filler: filler, onLeft: padding.onLeft)
    }
    return (
      try tensor(encodings.map(\.ids), padding.id),
      try tensor(encodings.map { [Int](repeating: 1, count: $0.ids.count) }, 0),
      try tensor(encodings.map(\.types), padding.type)
    )
  }

  // MARK: Decoding

  /// The text that tokens stand for.
  public func decode(_ ids: [Int], skipsSpecial: Bool = true) throws -> String {
    var tokens: [String] = []
    for id in ids {
      if skipsSpecial, addedByID[id]?.isSpecial == true { continue }
      guard let token = token(id) else {
        throw ShapeError("decode", "\(id) is no token of this vocabulary of \(vocabularySize)")
      }
      tokens.append(token)
    }
    switch decoder {
    case .plain: return tokens.joined(separator: " ")
    case .unknown(let name): throw ShapeError("decode", "the tokenizer's decoder '\(name)' is not known here")
    case .byteLevel:
      return String(decoding: tokens.flatMap { ByteLevel.bytes($0) ?? Array($0.utf8) }, as: UTF8.self)
    case .wordPiece(let prefix, let cleansUp):
      return tokens.enumerated().map { place, token in
        if place == 0 { return token }
        // By characters as Unicode numbers them: a mark after the prefix is part of its last one to Swift's strings.
        let (characters, prefix) = (token.unicodeScalars, prefix.unicodeScalars)
        if characters.starts(with: prefix) { return String(characters.dropFirst(prefix.count)) }
        let joins = cleansUp && Self.joining.contains { characters.starts(with: $0.unicodeScalars) }
        return joins ? token : " " + token
      }.joined()
    }
  }

  /// What has no blank before it.
  private static let joining = [".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"]
}
