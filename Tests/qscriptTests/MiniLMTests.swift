import Foundation
import TestSupport
import Testing

/// `examples/minilm`: small ones with random weights everywhere, the real one where its weights are.
@Suite struct MiniLMTests {
  private static let examples = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../examples").standardized.path

  private static let reference = SharedData.folder("minilm")
  private static let benchmark = SharedData.folder("text/stsb")

  /// What a script prints that has `qs`, `minilm` and `sts` already, and `...` of `arguments`.
  private func run(
    _ script: String, _ arguments: [String] = [], files: [String: String] = [:], in folder: Program? = nil
  ) throws -> String {
    let program = try folder ?? Program()
    for (name, text) in files { try program.write(name, text) }
    try program.write(
      "script.lua",
      """
      package.path = "\(Self.examples)/?.lua;" .. package.path
      local qs, minilm, sts = require "qscript", require "minilm.encoder", require "minilm.sts"
      local function difference(a, b) return (a - b):abs():max():item() end
      \(script)
      """)
    let ending = try program.start(["script.lua"] + arguments).wait()
    try #require(ending.code == 0, "\(ending.errors)")
    return ending.output
  }

  @Test func anEncoderIsCapturedAndWrittenForAnyBatchAndLength() throws {
    let program = try Program()
    let output = try run(
      """
      qs.seed(1)
      local encoder = minilm.encoder{ layers = 2, features = 24, heads = 3, hidden = 48, vocabulary = 50, positions = 20 }
      encoder:eval()
      local function input(n, t)
        local lengths = qs.rand(n, 1) * t
        return (qs.rand(n, t) * 50):long(), qs.arange(t):float():unsqueeze(1):le(lengths):long()
      end
      local graph = qs.capture(encoder, input(2, 5)):open({ "batch", "length" }, { "batch", "length" })
      qs.onnx.save(graph, "small.onnx")
      local read, counts = qs.onnx.load("small.onnx"), {}
      for _, g in ipairs{ graph, read } do
        for _, node in ipairs(g.nodes) do counts[node.op] = (counts[node.op] or 0) + 1 end
      end
      print(counts.attention, counts.layer_norm, counts.gelu)
      for _, size in ipairs{ {2, 5}, {1, 1}, {3, 9} } do
        local ids, mask = input(table.unpack(size))
        local y = encoder(ids, mask)
        assert(difference(graph(ids, mask), y) == 0)
        assert(difference(read(ids, mask), y) < 1e-6)
      end
      os.remove("small.onnx")
      qs.onnx.save(graph, "small.float.onnx", { samples = { input(3, 9) } })
      """, in: program)
    #expect(output == "4\t10\t4\n")
    try Peers.check(program.folder, program)
  }

  @Test func whatFillsUpARowChangesNothing() throws {
    _ = try run(
      """
      qs.seed(1)
      local encoder = minilm.encoder{ layers = 2, features = 24, heads = 3, hidden = 48, vocabulary = 50, positions = 20 }
      encoder:eval()
      local short = encoder(qs.tensor({{ 7, 8, 9 }}, { dtype = "i64" }), qs.ones(1, 3, { dtype = "i64" }))
      local long = encoder(qs.tensor({{ 7, 8, 9, 33, 2 }}, { dtype = "i64" }),
        qs.tensor({{ 1, 1, 1, 0, 0 }}, { dtype = "i64" }))
      assert(difference(short, long) < 1e-6)
      """)
  }

  @Test func ranksThatAreSharedAreMeans() throws {
    // scipy.stats.spearmanr([1, 2, 2, 4, 5], [1, 3, 2, 2, 7])
    let output = try run("print(('%.6f'):format(sts.spearman({1, 2, 2, 4, 5}, {1, 3, 2, 2, 7})))")
    #expect(output == "0.763158\n")
  }

  @Test(
    .enabled(if: MiniLMWeights.folder != nil, "\(MiniLMWeights.absent)"),
    .enabled(if: reference != nil, "shared/data/minilm is absent"))
  func sentencesGetTheReferencesVectors() throws {
    let (weights, reference) = (try #require(MiniLMWeights.folder), try #require(Self.reference))
    let sentences = try JSONDecoder().decode(
      [String].self, from: Data(contentsOf: URL(filePath: reference + "/golden.sentences.json")))
    let program = try Program()
    let output = try run(
      """
      local golden = qs.npz.load(arg[2] .. "/golden.npz")
      local encoder, tokenizer = minilm.load(arg[1], arg[2])
      local sentences = {}
      for line in io.lines("sentences.txt") do sentences[#sentences + 1] = line end
      local ids, mask = tokenizer:encode(sentences)
      assert(ids.shape[2] == golden.input_ids.shape[2] and difference(ids, golden.input_ids:long()) == 0)
      print(#sentences, difference(minilm.embed(encoder, tokenizer, sentences, 8), golden.embeddings) < 1e-5)
      local sizes = { "batch", "length" }
      local graph = qs.capture(encoder, ids, mask):open(sizes, sizes)
      qs.onnx.save(graph, "minilm.onnx")
      print(difference(minilm.embed(qs.onnx.load("minilm.onnx"), tokenizer, sentences), golden.embeddings) < 1e-5)
      print(difference(graph(ids, mask), golden.embeddings) < 1e-5)
      os.remove("minilm.onnx")
      qs.onnx.save(graph, "minilm.float.onnx", { samples = { ids, mask } })
      """, [weights, reference], files: ["sentences.txt": sentences.joined(separator: "\n") + "\n"],
      in: program)
    #expect(output == "32\ttrue\ntrue\ntrue\n")
    try Peers.check(program.folder, program)
  }

  @Test(
    .enabled(if: MiniLMWeights.folder != nil, "\(MiniLMWeights.absent)"),
    .enabled(if: benchmark != nil, "shared/data/text/stsb is absent"))
  func vectorsTellLikenessAsPeopleDo() throws {
    let (weights, benchmark) = (try #require(MiniLMWeights.folder), try #require(Self.benchmark))
    // The first pairs of the file are easier than the rest.
    let output = try run(
      """
      local encoder, tokenizer = minilm.load(arg[1])
      local set = sts.load(arg[2] .. "/sts-dev.csv")
      for _, list in pairs(set) do for i = #list, 201, -1 do list[i] = nil end end
      print(sts.evaluate(set, function(texts) return minilm.embed(encoder, tokenizer, texts) end) > 0.82)
      """, [weights, benchmark])
    #expect(output == "true\n")
  }
}
