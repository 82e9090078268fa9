import Formats
import LuaHost
import Models
import Tensors

/// `qs.tokenizer`
enum TokenizerLibrary {
  static var library: Library {
    Library(
      "qs.tokenizer", "Text to numbers of tokens, as language models take it.",
      [
        Function(
          "load", "Reads a tokenizer.json of Hugging Face: WordPiece or BPE.",
          .required("path", String.self, "the file")
        ) { path in try TokenizerFile.read(path) }
      ])
  }
}

/// How far a batch is filled up.
private enum PaddingChoice: String, LuaEnum {
  case longest
  case maxLength = "max_length"
}

extension Tokenizer: LuaObject {
  public static let luaName = "tokenizer"

  public static var luaType: LuaType {
    LuaType(
      "A tokenizer. Tokens are numbered from 0, as in its file.", methods: encoding + lookingUp)
  }

  private static var encoding: [Function] {
    [
      Function(
        "encode",
        "A text, or a list of texts as a batch: the numbers of the tokens, 1 where they are tokens and 0 where they fill "
          + "up, and which text of a pair each belongs to; all [N, L], i64.",
        .receiver(Tokenizer.self), .required("text", OneOf<String, [String]>.self, "one or several"),
        .option("pair", OneOf<String, [String]>?.self, "the second text of each"),
        .option(
          "max_length", Int?.self, "cut after so many tokens; the file's limit where left out", .positive),
        .option("padding", default: PaddingChoice.longest, "fill up to the longest, or to max_length"),
        .option("special_tokens", default: true, "put the model's own tokens around each text"),
        returns: "tensor, tensor, tensor"
      ) { t, text, pair, maxLength, padding, special in
        let (texts, pairs) = (text.list, pair?.list)
        try require(
          pairs == nil || pairs?.count == texts.count, "encode",
          "got \(texts.count) texts and \(pairs?.count ?? 0) for `pair`; give as many")
        let encodings = try texts.enumerated().map { place, text in
          try t.encode(text, pair: pairs?[place], limit: maxLength, withSpecial: special)
        }
        let length = maxLength ?? t.maxLength
        try require(
          padding == .longest || length != nil, "encode", "padding = \"max_length\" needs max_length")
        let batch = try t.batch(encodings, length: padding == .maxLength ? length : nil)
        return LuaResults(batch.ids, batch.mask, batch.types)
      },
      Function(
        "decode", "The text that tokens stand for; a list of texts for [N, L].", .receiver(Tokenizer.self),
        .required("ids", OneOf<Tensor, [Int]>.self, "from encode or a model: [L] or [N, L]"),
        .option("skip_special", default: true, "leave out [CLS], <s> and the like"),
        returns: "string|string[]"
      ) { t, ids, skips -> LuaValue in
        switch ids {
        case .second(let ids): return .string(try t.decode(ids, skipsSpecial: skips))
        case .first(let tensor):
          try require(
            (1...2).contains(tensor.rank) && !tensor.dtype.isFloatingPoint, "decode",
            "takes integers [L] or [N, L], got \(tensor.dtype) \(tensor.shape)")
          let values = try tensor.converted(to: .i64).array(Int64.self).map { Int($0) }
          guard tensor.rank == 2 else { return .string(try t.decode(values, skipsSpecial: skips)) }
          let length = tensor.shape[1]
          return .table(
            LuaTable(
              items: try (0..<tensor.shape[0]).map {
                .string(try t.decode(Array(values[$0 * length..<($0 + 1) * length]), skipsSpecial: skips))
              }))
        }
      },
    ]
  }

  private static var lookingUp: [Function] {
    [
      Function(
        "tokens", "The tokens of a text as they are written in the vocabulary.", .receiver(Tokenizer.self),
        .required("text", String.self, "any text"), returns: "string[]"
      ) { t, text in t.tokens(of: text).compactMap { t.token($0) } },
      Function(
        "id", "The number of a token; nil where it is none.", .receiver(Tokenizer.self),
        .required("token", String.self, "as it is written in the vocabulary")
      ) { t, token in t.id(token) },
      Function(
        "token", "The token of a number; nil where there is none.", .receiver(Tokenizer.self),
        .required("id", Int.self, "from 0")
      ) { t, id in t.token(id) },
      Function("__len", "The number of different tokens.", .receiver(Tokenizer.self)) { t in t.vocabularySize
      },
      Function("__tostring", "A line of text.", .receiver(Tokenizer.self), returns: "string") { t in
        "tokenizer of \(t.vocabularySize) tokens"
      },
    ]
  }
}

extension OneOf<String, [String]> {
  fileprivate var list: [String] {
    switch self {
    case .first(let text): [text]
    case .second(let texts): texts
    }
  }
}
