import CResources
import Compression
import Deployment
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// A reader as the fuzzer sees it: files to damage, and what reads the damaged bytes.
struct FuzzedReader: Sendable, CustomTestStringConvertible {
  let name: String
  /// How many bytes may be asked for at once for each byte of the file: what its compression can hold.
  let growth: Int
  /// Files without fault.
  let files: @Sendable () throws -> [[UInt8]]
  /// Reads and uses what was read; its errors must be sentences.
  let read: @Sendable ([UInt8]) throws -> Void

  init(
    _ name: String, growth: Int = 16, files: @escaping @Sendable () throws -> [[UInt8]],
    read: @escaping @Sendable ([UInt8]) throws -> Void
  ) { (self.name, self.growth, self.files, self.read) = (name, growth, files, read) }

  var testDescription: String { name }

  /// One line for each reader.
  static let all: [FuzzedReader] = [
    FuzzedReader("safetensors", files: { try [safetensors(), golden("safetensors/types.safetensors")] }) {
      try use(Safetensors(decoding: $0, path: "f").tensors)
    },
    FuzzedReader("safetensors-index", files: { [try golden("safetensors/model.safetensors.index.json")] }) {
      try use(Safetensors(index: $0, path: Golden.path("safetensors/f.index.json")).tensors)
    },
    FuzzedReader("npy", files: { try arrays().map { try Npy.encode($0) } }) {
      try use(["a": Npy.decode($0, "f")])
    },
    FuzzedReader("idx", files: { [[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2] + Array(0..<12)] }) {
      try use(["a": IDXFile.decode($0, path: "f")])
    },
    FuzzedReader("digits", files: { [digits()] }) { try use(["a": IDXFile.decode($0, path: "f")]) },
    FuzzedReader("gzip", growth: 2000, files: { [gzip()] }) {
      _ = try Gzip.decompress($0, path: "f", limit: 1 << 24)
    },
    FuzzedReader("zip", growth: 2000, files: { [archive(), try golden("torch/state.pt")] }) {
      let zip = try ZipFile(decoding: $0, path: "f")
      for entry in zip.entries { _ = try zip.read(entry) }
    },
    FuzzedReader(
      "torch", files: { try ["state", "state_protocol4", "checkpoint"].map { try golden("torch/\($0).pt") } }
    ) {
      try use(TorchFile(MappedFile(copying: $0, as: "f")).tensors)
    },
    FuzzedReader(
      "pickle",
      files: { try ["state", "state_protocol4", "checkpoint"].map { try pickle("torch/\($0).pt") } }
    ) {
      try use(TorchFile(MappedFile(copying: wrapped($0), as: "f")).tensors)
    },
    FuzzedReader(
      "tokenizer",
      files: { try ["wordpiece", "roberta", "suffixed"].map { try golden("tokenizers/\($0).json") } }
    ) {
      let tokenizer = try TokenizerFile.read(MappedFile(copying: $0, as: "f"))
      let ids = try tokenizer.encode("Don't panic, naïve 日本 <mask> graph!", pair: "it's 42").ids
      _ = try tokenizer.decode(ids.filter { tokenizer.token($0) != nil })
    },
    FuzzedReader("qsm", files: { [try program()] }) { try run(ProgramFile.read($0, path: "f")) },
    FuzzedReader("qsm-sealed", files: { [try program()] }) {
      try run(ProgramFile.read(sealed($0), path: "f"))
    },
  ]
}

// MARK: Using what was read

private func use(_ tensors: [String: Tensor]) throws {
  for tensor in tensors.values { _ = try tensor.doubles() }
}

/// One sample through the program, where that is no large thing.
private func run(_ program: Program) throws {
  guard program.inputShape.elements <= 1 << 16, program.outputShape.elements <= 1 << 16,
    program.inputShape.rank < 8
  else { return }
  _ = try program(.ones(Shape([1] + program.inputShape)))
}

// MARK: Files

private func golden(_ name: String) throws -> [UInt8] { try AtomicFile.read(Golden.path(name)) }

private func arrays() throws -> [Tensor] {
  try [
    .arange(start: 0, count: 12).reshaped([3, 4]), .ones([2, 0, 3], .i64), .ones([5], .bool),
    .scalar(2.5, .f64),
  ]
}

private func safetensors() throws -> [UInt8] {
  let named = zip(["weight", "running_mean", "mask", "scale"], try arrays())
  return try Safetensors(Dictionary(uniqueKeysWithValues: named), metadata: ["format": "pt"]).encoded()
}

private func digits() -> [UInt8] {
  var count = 0
  let start = qr_digits_labels(&count)
  return Array(UnsafeBufferPointer(start: start, count: count))
}

private func gzip() -> [UInt8] {
  let text = Array(String(repeating: "again and again, ", count: 100).utf8)
  return deflated(text, .gzip) + deflated([], .gzip) + deflated([7], .gzip)
}

private func archive() -> [UInt8] {
  var writer = ZipWriter(zip64: true, method: 8)
  writer.add("a/text", Array(String(repeating: "again and again, ", count: 100).utf8))
  writer.add("a/empty", [])
  return writer.finished()
}

private func pickle(_ name: String) throws -> [UInt8] {
  let zip = try ZipFile(decoding: golden(name), path: name)
  return try zip.entries.filter { $0.name.hasSuffix("data.pkl") }.flatMap { try zip.read($0) }
}

/// A pickle in an archive with a few storages, so that no checksum keeps the damage from the reader.
private func wrapped(_ pickle: [UInt8]) -> [UInt8] {
  var writer = ZipWriter()
  writer.add("a/data.pkl", pickle)
  for place in 0..<24 { writer.add("a/data/\(place)", [UInt8](repeating: 1, count: 64)) }
  return writer.finished()
}

private func program() throws -> [UInt8] {
  let x = try Tensor.ones([4, 2, 8, 8])
  let graph = try Graph(capturing: ConvNet(seed: 3), [x])
  return try ProgramFile.encode(Program(compiling: StaticQuantization()(graph, calibration: [x])))
}

/// A program whose checksum matches again.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
  guard bytes.count > 12 else { return bytes }
  let checksum = ProgramFile.checksum(Array(bytes[12...]))
  return bytes[..<8] + withUnsafeBytes(of: checksum.littleEndian, Array.init) + bytes[12...]
}
