import Models
import Tensors

/// `tokenizer.json`, the tokenizers of Hugging Face: WordPiece and byte pair encoding with the parts that BERT, GPT-2,
/// RoBERTa and their kin have. A part that is not known is refused by name, for without it the tokens would be others.
public enum TokenizerFile {
  public static func read(_ path: String) throws -> Tokenizer { try read(MappedFile(path)) }

  static func read(_ file: MappedFile) throws -> Tokenizer {
    guard let json = JSON(UnsafeRawBufferPointer(file.bytes)), json.object != nil else {
      throw FileError(file.path, "is not a tokenizer.json: it is no JSON object")
    }
    do {
      return try tokenizer(TokenizerFields("", json))
    } catch let problem as TokenizerFields.Problem {
      throw FileError(file.path, problem.text)
    }
  }

  private static func tokenizer(_ file: TokenizerFields) throws -> Tokenizer {
    let normalizer = try file.part("normalizer").map { try TextNormalizer($0) }
    let added = try file.list("added_tokens").map { try AddedTokens.Token($0) }
    let padding = try file.part("padding")
    return Tokenizer(
      model: try model(file.required("model"), added), added: added, normalizer: normalizer,
      splitter: try file.part("pre_tokenizer").map { try WordSplitter($0) },
      template: try file.part("post_processor").map { try TokenTemplate($0) } ?? .bare,
      decoder: try file.part("decoder").map { try decoder($0) } ?? .plain,
      truncation: try file.part("truncation").map { try Truncation($0) } ?? Truncation(),
      maxLength: try file.part("truncation")?.integer("max_length"),
      padding: try padding.map { try Padding($0) })
  }

  private static func decoder(_ part: TokenizerFields) throws -> Tokenizer.Decoder {
    switch try part.text("type") {
    case "WordPiece":
      .wordPiece(
        prefix: try part.text("prefix", default: "##"), cleansUp: try part.truth("cleanup", default: true))
    case "ByteLevel": .byteLevel
    case let name: .unknown(name)
    }
  }

  // MARK: Models

  private static func model(_ part: TokenizerFields, _ added: [AddedTokens.Token]) throws -> any SubwordModel
  {
    let vocabulary = Vocabulary(
      try part.required("vocab").pairs.map { token, id in
        guard let id = id.integer, (0...Int(Int32.max)).contains(id) else {
          throw TokenizerFields.Problem(text: "has a vocabulary in which '\(token)' has no number")
        }
        return (token, id)
      })
    // Older files do not name the type.
    let type = try part.text("type", default: part.has("merges") ? "BPE" : "WordPiece")
    switch type {
    case "WordPiece":
      let name = try part.text("unk_token", default: "[UNK]")
      guard let unknown = vocabulary.id(name) else {
        throw TokenizerFields.Problem(
          text: "names '\(name)' for unknown words, which its vocabulary does not have")
      }
      return WordPiece(
        vocabulary, unknown: unknown, continuation: try part.text("continuing_subword_prefix", default: "##"),
        longestWord: try part.integer("max_input_chars_per_word") ?? 100)
    case "BPE": return try bytePairs(part, vocabulary)
    default:
      throw TokenizerFields.Problem(text: "has a model of the type '\(type)'; WordPiece and BPE are read")
    }
  }

  private static func bytePairs(_ part: TokenizerFields, _ vocabulary: Vocabulary) throws -> BytePairEncoding
  {
    if try part.truth("byte_fallback", default: false) {
      throw TokenizerFields.Problem(text: "has a BPE model with byte_fallback, which is not read")
    }
    if let dropout = try part.number("dropout"), dropout != 0 {
      throw TokenizerFields.Problem(
        text: "has a BPE model that leaves merges out at random; set 'model.dropout' to null")
    }
    var options = BytePairEncoding.Options()
    options.unknown = try part.optionalText("unk_token").flatMap { vocabulary.id($0) }
    options.fusesUnknown = try part.truth("fuse_unk", default: false)
    options.continuation = try part.text("continuing_subword_prefix", default: "")
    options.endOfWord = try part.text("end_of_word_suffix", default: "")
    options.ignoresMerges = try part.truth("ignore_merges", default: false)
    let merges = try part.items("merges").map { item -> (left: String, right: String) in
      // "a b", or ["a", "b"] since 0.20
      let parts =
        item.text.map { $0.unicodeScalars.split(separator: " ").map { String($0) } }
        ?? item.array?.compactMap(\.text) ?? []
      guard parts.count == 2 else {
        throw TokenizerFields.Problem(text: "has a merge that does not join two tokens")
      }
      return (parts[0], parts[1])
    }
    guard let model = BytePairEncoding(vocabulary, merges: merges, options: options) else {
      throw TokenizerFields.Problem(text: "has a merge of tokens that its vocabulary does not have")
    }
    return model
  }
}
