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
    FuzzedReader(
      "onnx", files: { try networks().flatMap { try [onnx($0), onnx($0, .qoperator)] } + [operators()] }
    ) {
      try run(OnnxFile.read(MappedFile(copying: $0, as: "f")))
    },
    FuzzedReader("tflite", files: { try tflite() }) {
      try run(TFLiteFile.read(MappedFile(copying: $0, as: "f")))
    },
    FuzzedReader("npz", growth: 2000, files: { try [true, false].map { try npz(compressed: $0) } }) {
      try use(Npz.decode($0, "f"))
    },
    FuzzedReader("csv", files: { [Array(spreadsheet.utf8)] }) { try use(CSVFile().decode($0, "f")) },
    FuzzedReader("cifar", growth: 2000, files: { [cifar, deflated(cifar, .gzip)] }) {
      try use(CIFARFile.read(MappedFile(copying: $0, as: "f")))
    },
    FuzzedReader("image", growth: 2000, files: { [Sample.rgb, Sample.palette, Sample.jpeg] }) {
      for channels in [1, 3] { _ = try DecodedImage($0, "f", channels: channels) }
    },
    FuzzedReader("qsm", files: { try programs() }) { try run(ProgramFile.read($0, path: "f")) },
    FuzzedReader("qsm-sealed", files: { try programs() }) {
      try run(ProgramFile.read(sealed($0), path: "f"))
    },
  ]
}

// MARK: Using what was read

private func use(_ tensors: [String: Tensor]) throws {
  for tensor in tensors.values { _ = try tensor.doubles() }
}

private func use(_ data: Dataset) throws { try use(["inputs": data.inputs, "targets": data.targets]) }

/// Once through the graph, where none of its values is large.
private func run(_ graph: Graph) throws {
  let isSmall = graph.order.allSatisfy { id in
    guard graph[id].shape.elements <= 1 << 16 else { return false }
    guard let (op, reads) = graph.operation(id) else { return true }
    return op.cost(of: reads.map { graph[$0].shape }, output: graph[id].shape).macs <= 1 << 22
  }
  guard isSmall else { return }
  graph.setTraining(false)
  _ = graph.description
  _ = try graph.replay(graph.inputs.map { try Tensor.zeros(graph[$0].shape, graph[$0].dtype) })
}

/// One sample through the program, where that is no large thing.
private func run(_ program: Program) throws {
  let ports = program.inputs + program.outputs
  guard ports.allSatisfy({ $0.shape.elements <= 1 << 16 && $0.shape.rank < 8 }) else { return }
  _ = try program(program.inputs.map { try Tensor.zeros(Shape([1] + $0.shape), $0.dtype) })
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

private func networks() throws -> [Graph] {
  let convolutional = try Graph(capturing: ConvNet(seed: 3), [.ones([2, 2, 8, 8])])
  let quantized = try StaticQuantization()(convolutional, calibration: [.ones([4, 2, 8, 8])])
  return [convolutional, quantized, try Graph(capturing: EncoderNet(seed: 5), [.ones([2, 6, 16])])]
}

private func onnx(_ graph: Graph, _ format: OnnxExportFormat = .qdq) throws -> [UInt8] {
  try OnnxFile.encode(graph, format: format)
}

/// A model with a node of each operator whose numbers say how much memory it takes.
private func operators() throws -> [UInt8] {
  let sizes: [(String, [[Int64]], [String: OnnxAttribute])] = [
    ("Slice", [[0, 1], [2, .max], [0, 1], [1, 1]], [:]), ("Reshape", [[3, -1]], [:]),
    ("Tile", [[1, 2]], [:]), ("Expand", [[2, 1, 1]], [:]), ("Pad", [[1, 0, 0, 1]], [:]),
    ("Trilu", [[1]], [:]), ("Gather", [[0, 1]], [:]), ("Unsqueeze", [[0, 1]], [:]),
    ("ReduceSum", [[0]], [:]), ("CumSum", [[1]], [:]), ("Flatten", [], ["axis": .int(1)]),
    ("MaxPool", [], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2]), "ceil_mode": .int(1)]),
    ("DepthToSpace", [], ["blocksize": .int(2)]), ("Mod", [[3]], [:]),
  ]
  var model = OnnxModel()
  model.opsets[""] = 21
  model.graph.inputs = [
    OnnxValueInfo(name: "m", type: .float, shape: [.fixed(3), .fixed(4)]),
    OnnxValueInfo(name: "x", type: .float, shape: [.symbol("batch"), .fixed(4), .fixed(5), .fixed(6)]),
  ]
  for (operation, lists, attributes) in sizes {
    var node = OnnxNode(name: operation, operation: operation, outputs: [operation], attributes: attributes)
    node.inputs = [
      operation == "MaxPool" || operation == "DepthToSpace" ? "x" : operation == "Mod" ? "Mod_1" : "m"
    ]
    for (i, list) in lists.enumerated() {
      let name = "\(operation)_\(i + 1)"
      model.graph.initializers.append(OnnxTensor(name, try Tensor([list.count], list)))
      node.inputs.append(name)
    }
    model.graph.nodes.append(node)
    model.graph.outputs.append(OnnxValueInfo(name: operation, type: .float))
  }
  return try model.encoded()
}

/// Our own, float and int8, and reference models where the shared data is there.
private func tflite() throws -> [[UInt8]] {
  let own = try networks()[..<2].map { try TFLiteFile.encode($0) }
  guard let folder = SharedData.folder("mlperf-tiny") else { return own }
  return try own
    + ["keyword_spotting/dscnn_int8", "image_classification/resnet8_int8"].map {
      try AtomicFile.read("\(folder)/\($0).tflite")
    }
}

private func npz(compressed: Bool) throws -> [UInt8] {
  let named = zip(["weight", "running_mean", "mask", "scale"], try arrays())
  return try Npz.encode(Dictionary(uniqueKeysWithValues: named), compressed: compressed, "f")
}

private let spreadsheet =
  "width,\"height \"\"h\"\"\",class\r\n1,-2.5e3,a\r\n\r\n 0.25 ,7,\"b, c\"\r\n3,4,a\r\n"

private let cifar: [UInt8] = (0..<3).flatMap { (i: Int) -> [UInt8] in
  let pixels = (0..<3072).map { (j: Int) -> UInt8 in UInt8(j * (i + 3) % 251) }
  return [UInt8(i)] + pixels
}

/// Of integer steps; of integer and f32 steps; of weights of few bits with open dimensions; of an LSTM.
private func programs() throws -> [[UInt8]] {
  let images = try Tensor.ones([4, 2, 8, 8])
  let convolutional = try Graph(capturing: ConvNet(seed: 3), [images])
  let steps = try Tensor.ones([4, 7, 6])
  let recurrent = try Graph(capturing: SequenceNet(seed: 3, bidirectional: true), [steps])
  let encoder = try Graph(capturing: EncoderNet(seed: 5), [.ones([2, 6, 16])])
  try encoder.open([["batch", "length", nil]])
  return try [
    StaticQuantization()(convolutional, calibration: [images]),
    StaticQuantization(layers: ["linear": .float])(convolutional, calibration: [images]),
    WeightQuantization(weights: WeightScheme(.integer(bits: 4), .group(16)), activations: .dynamic)(encoder),
    StaticQuantization()(recurrent, calibration: [steps]),
  ].map { try ProgramFile.encode(Program(compiling: $0)) }
}

/// A program whose checksum matches again.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
  guard bytes.count > 12 else { return bytes }
  let checksum = ProgramFile.checksum(Array(bytes[12...]))
  return bytes[..<8] + withUnsafeBytes(of: checksum.littleEndian, Array.init) + bytes[12...]
}
