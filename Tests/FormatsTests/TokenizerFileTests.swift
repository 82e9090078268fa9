import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// What Hugging Face's `tokenizers` makes of a text; see scripts/peers/golden_tokenizers.py.
private struct Case: Decodable {
  let text: String
  let pair: String?
  let limit: Int?
  let ids: [Int]
  let types: [Int]
  let decoded: String?

  static func all(_ name: String) throws -> [Case] {
    let path = Golden.path("tokenizers/\(name).cases.json")
    return try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

@Suite struct TokenizerFileTests {
  private func expect(_ tokenizer: Tokenizer, matches name: String) throws {
    let cases = try Case.all(name)
    #expect(cases.count >= 30)
    for given in cases {
      let encoding = try tokenizer.encode(given.text, pair: given.pair, limit: given.limit)
      #expect(encoding.ids == given.ids, "\(given.text.debugDescription), \(given.pair.debugDescription)")
      #expect(encoding.types == given.types, "\(given.text.debugDescription)")
      guard let decoded = given.decoded else { continue }
      let text = try tokenizer.decode(given.ids)
      #expect(
        text.utf8.elementsEqual(decoded.utf8), "\(text.debugDescription) for \(decoded.debugDescription)")
    }
  }

  @Test(arguments: ["wordpiece", "gpt2", "roberta", "suffixed"])
  func agreesWithHuggingFace(name: String) throws {
    try expect(TokenizerFile.read(Golden.path("tokenizers/\(name).json")), matches: name)
  }

  @Test(
    .enabled(if: SharedData.folder("minilm") != nil, "shared/data/minilm is not there (set QSCRIPT_SHARED)"))
  func agreesOnMiniLM() throws {
    let folder = try #require(SharedData.folder("minilm"))
    let tokenizer = try TokenizerFile.read(folder + "/tokenizer.json")
    #expect(tokenizer.vocabularySize == 30522 && tokenizer.id("[MASK]") == 103)
    try expect(tokenizer, matches: "minilm")
  }

  /// The numbers of all 32 sentences that lie beside the model, filled up as they are there.
  @Test(
    .enabled(if: SharedData.folder("minilm") != nil, "shared/data/minilm is not there (set QSCRIPT_SHARED)"))
  func agreesOnTheReferenceSentences() throws {
    let folder = try #require(SharedData.folder("minilm"))
    let tokenizer = try TokenizerFile.read(folder + "/tokenizer.json")
    let file = Data(try AtomicFile.read(folder + "/golden.sentences.json"))
    let sentences = try JSONDecoder().decode([String].self, from: file)
    let golden = try ZipFile(contentsOf: folder + "/golden.npz")
    func expected(_ name: String) throws -> Tensor {
      try Npy.decode(golden.read(#require(golden[name + ".npy"])), name)
    }
    let batch = try tokenizer.batch(sentences.map { try tokenizer.encode($0) })
    #expect(sentences.count == 32)
    #expect(try batch.ids.doubles() == expected("input_ids").doubles())
    #expect(try batch.mask.doubles() == expected("attention_mask").doubles())
    #expect(try batch.types.doubles().allSatisfy { $0 == 0 })
  }

  @Test func fillsUpABatch() throws {
    let tokenizer = try TokenizerFile.read(Golden.path("tokenizers/wordpiece.json"))
    let batch = try tokenizer.batch(["the", "the the the"].map { try tokenizer.encode($0) }, length: 6)
    #expect(batch.ids.shape == [2, 6] && batch.ids.dtype == .i64)
    #expect(try batch.mask.doubles() == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    #expect(throws: ShapeError.self) { try tokenizer.encode("the", limit: 1) }
    #expect(throws: ShapeError.self) { try tokenizer.decode([100_000]) }
  }

  /// A word of a million letters must not take a million times a million steps.
  @Test func takesLongWordsInStride() throws {
    for name in ["gpt2", "wordpiece"] {
      let tokenizer = try TokenizerFile.read(Golden.path("tokenizers/\(name).json"))
      #expect(try !tokenizer.encode(String(repeating: "ab", count: 50_000)).ids.isEmpty)
    }
  }

  @Test(arguments: [
    ("[1]", "is not a tokenizer.json: it is no JSON object"),
    ("{", "is not a tokenizer.json: it is no JSON object"),
    ("{}", "has no 'model'"),
    (
      #"{"model": {"type": "Unigram", "vocab": {}}}"#,
      "has a model of the type 'Unigram'; WordPiece and BPE are read"
    ),
    (
      #"{"model": {"type": "WordPiece", "vocab": {"a": 0}}}"#,
      "names '[UNK]' for unknown words, which its vocabulary does not have"
    ),
    (#"{"model": {"type": "BPE", "vocab": {"a": -1}}}"#, "has a vocabulary in which 'a' has no number"),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}"#,
      "has a merge of tokens that its vocabulary does not have"
    ),
    (
      #"{"model": {"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []}}"#,
      "has a BPE model that leaves merges out at random; set 'model.dropout' to null"
    ),
    (#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": 3}}"#, "has 'model.merges' that is not a list"),
    (
      #"{"model": {"type": "BPE", "vocab": {}}, "pre_tokenizer": {"type": "Metaspace"}}"#,
      "has 'pre_tokenizer' of the type 'Metaspace'; BertPreTokenizer, ByteLevel, Whitespace, WhitespaceSplit, "
        + "Punctuation (isolated), Digits and Sequence are read"
    ),
  ]) func explains(json: String, problem: String) {
    let error = #expect(throws: FileError.self) {
      try TokenizerFile.read(MappedFile(copying: Array(json.utf8), as: "t.json"))
    }
    #expect(error?.problem == problem)
  }

  @Test func keepsTokensApartThatAreComposedDifferently() throws {
    let json =
      #"{"model": {"type": "BPE", "vocab": {"\u00e9": 0, "e\u0301": 1, "e": 2, "\u0301": 3}, "merges": []}}"#
    let tokenizer = try TokenizerFile.read(MappedFile(copying: Array(json.utf8), as: "t.json"))
    #expect(tokenizer.vocabularySize == 4 && tokenizer.id("\u{e9}") == 0 && tokenizer.id("e\u{301}") == 1)
    #expect(tokenizer.tokens(of: "e\u{301}\u{e9}") == [2, 3, 0])
  }
}
