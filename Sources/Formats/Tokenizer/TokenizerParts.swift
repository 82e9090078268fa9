import Models

extension TextNormalizer {
  init(_ part: TokenizerFields) throws {
    switch try part.text("type") {
    case "BertNormalizer":
      let lowers = try part.truth("lowercase", default: true)
      self = .bert(
        cleans: try part.truth("clean_text", default: true),
        separatesIdeographs: try part.truth("handle_chinese_chars", default: true),
        stripsAccents: try part.truth("strip_accents", default: lowers), lowers: lowers)
    case "Lowercase": self = .lowercase
    case "StripAccents": self = .stripAccents
    case "NFC": self = .nfc
    case "NFD": self = .nfd
    case "NFKC": self = .nfkc
    case "NFKD": self = .nfkd
    case "Sequence": self = .sequence(try part.list("normalizers").map { try TextNormalizer($0) })
    case let type:
      throw part.unknown(
        type, known: "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD and Sequence")
    }
  }
}

extension WordSplitter {
  init(_ part: TokenizerFields) throws {
    switch try part.text("type") {
    case "BertPreTokenizer": self = .bert
    case "ByteLevel":
      self = .byteLevel(
        addsPrefixSpace: try part.truth("add_prefix_space", default: true),
        usesPattern: try part.truth("use_regex", default: true))
    case "Whitespace": self = .whitespace
    case "WhitespaceSplit": self = .whitespaceOnly
    case "Punctuation" where try part.text("behavior", default: "Isolated") == "Isolated": self = .punctuation
    case "Digits": self = .digits(individually: try part.truth("individual_digits", default: false))
    case "Sequence": self = .sequence(try part.list("pretokenizers").map { try WordSplitter($0) })
    case let type:
      throw part.unknown(
        type,
        known:
          "BertPreTokenizer, ByteLevel, Whitespace, WhitespaceSplit, Punctuation (isolated), Digits and Sequence"
      )
    }
  }
}

extension AddedTokens.Token {
  init(_ part: TokenizerFields) throws {
    self.init(id: try part.requiredInteger("id"), text: try part.text("content"))
    isSpecial = try part.truth("special", default: false)
    isWholeWord = try part.truth("single_word", default: false)
    stripsLeft = try part.truth("lstrip", default: false)
    stripsRight = try part.truth("rstrip", default: false)
    isNormalized = try part.truth("normalized", default: !isSpecial)
  }
}

extension Truncation {
  init(_ part: TokenizerFields) throws {
    self.init()
    let name = try part.text("strategy", default: Strategy.longestFirst.rawValue)
    guard let strategy = Strategy(rawValue: name) else {
      throw part.unknown(name, known: "LongestFirst, OnlyFirst and OnlySecond")
    }
    self.strategy = strategy
    fromLeft = try part.text("direction", default: "Right") == "Left"
  }
}

extension Padding {
  init(_ part: TokenizerFields) throws {
    self.init(id: try part.integer("pad_id") ?? 0)
    type = try part.integer("pad_type_id") ?? 0
    onLeft = try part.text("direction", default: "Right") == "Left"
    let multiple = try part.integer("pad_to_multiple_of") ?? 1
    guard (1...65536).contains(multiple) else {
      throw part.wrong("pad_to_multiple_of", "a count up to 65536")
    }
    self.multiple = multiple
  }
}

extension TokenTemplate {
  init(_ part: TokenizerFields) throws {
    switch try part.text("type") {
    case "TemplateProcessing": try self.init(template: part)
    case "BertProcessing", "RobertaProcessing": try self.init(classic: part)
    case "ByteLevel": self = .bare
    case "Sequence":
      let steps = try part.list("processors").map { try ($0.text("type"), TokenTemplate($0)) }
      self = steps.first { $0.0 != "ByteLevel" }?.1 ?? .bare
    case let type:
      throw part.unknown(
        type, known: "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence")
    }
  }

  private init(template part: TokenizerFields) throws {
    let special = try part.part("special_tokens")
    func parts(_ name: String) throws -> [Part] {
      try part.list(name).map { item in
        if let token = try item.part("SpecialToken") {
          let id = try token.text("id")
          let ids = try special?.part(id)?.items("ids").compactMap(\.integer) ?? []
          guard !ids.isEmpty, ids.allSatisfy({ (0...Int(Int32.max)).contains($0) }) else {
            throw TokenizerFields.Problem(
              text: "puts '\(id)' around texts and does not say which token that is")
          }
          return .special(ids: ids, type: try token.integer("type_id") ?? 0)
        }
        let text = try item.required("Sequence")
        return .text(try text.text("id") == "B" ? 1 : 0, type: try text.integer("type_id") ?? 0)
      }
    }
    self.init(single: try parts("single"), pair: try parts("pair"))
  }

  /// BERT's `[CLS] A [SEP] B [SEP]`, or RoBERTa's `<s> A </s></s> B </s>`.
  private init(classic part: TokenizerFields) throws {
    func id(_ name: String) throws -> [Int] {
      let token = try part.items(name)
      guard token.count == 2, let id = token[1].integer, (0...Int(Int32.max)).contains(id) else {
        throw part.wrong(name, "a token and its number")
      }
      return [id]
    }
    let (open, close) = (try id("cls"), try id("sep"))
    let isBert = try part.text("type") == "BertProcessing"
    let second = isBert ? 1 : 0
    let first: [Part] = [.special(ids: open, type: 0), .text(0, type: 0), .special(ids: close, type: 0)]
    let between: [Part] = isBert ? [] : [.special(ids: close, type: 0)]
    self.init(
      single: first, pair: first + between + [.text(1, type: second), .special(ids: close, type: second)])
  }
}
