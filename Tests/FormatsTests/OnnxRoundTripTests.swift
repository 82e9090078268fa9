import Compression
import Deployment
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// Models written as ONNX and read again.
@Suite struct OnnxRoundTripTests {
  private func reread(_ graph: Graph, format: OnnxExportFormat = .qdq) throws -> Graph {
    let path = NSTemporaryDirectory() + "round-\(UUID().uuidString).onnx"
    defer { unlink(path) }
    try OnnxFile.write(graph, to: path, format: format)
    let read = try OnnxFile.read(path)
    read.setTraining(false)
    return read
  }

  @Test func convolutionalNetworksComputeTheSameForAnyBatch() throws {
    let net = try ConvNet(seed: 3)
    let graph = try Graph(capturing: net, [sample([2, 2, 8, 8])])
    graph.setTraining(false)
    let read = try reread(graph)
    for batch in [1, 5] {
      let x = try sample([batch, 2, 8, 8])
      #expect(try largestDifference(read(x), graph(x)) < 1e-6)
    }
    #expect(read.dimensionNames[read.inputs[0]] == ["batch", nil, nil, nil])
  }

  @Test func transformersComputeTheSameForAnyBatch() throws {
    let net = try EncoderNet(seed: 5, isCausal: true)
    let graph = try Graph(capturing: net, [sample([2, 6, 16])])
    graph.setTraining(false)
    let read = try reread(graph)
    let x = try sample([4, 6, 16])
    #expect(try largestDifference(read(x), graph(x)) < 1e-5)
  }

  @Test func reshapesOfTheExamplesBatchTakeAnyOther() throws {
    let graph = try Graph(capturing: LiteralHeads(), [sample([2, 6, 8])])
    try graph.open([["batch", "sequence", nil]])
    let read = try reread(graph)
    let name = read.inputs[0]
    #expect(read.dimensionNames[name] == ["batch", "sequence", nil])
    for shape in [[1, 6, 8], [3, 6, 8], [3, 4, 8]] as [Shape] {
      let x = try sample(shape)
      let expected = try LiteralHeads()(x)
      #expect(try largestDifference(graph(x), expected) == 0)
      #expect(try largestDifference(read(x), expected) == 0)
    }
  }

  /// A network that flattens by the example's numbers is quantized, compiled and written for any batch.
  @Test func flatteningByTheExamplesBatchCompiles() throws {
    let net = LiteralFlatten(try LinearLayer(8, 3))
    let calibration = try sample([16, 2, 2, 2], seed: 5)
    let graph = try StaticQuantization()(
      Graph(capturing: net, [sample([2, 2, 2, 2])]), calibration: [calibration])
    graph.setTraining(false)
    let x = try sample([5, 2, 2, 2])
    let expected = try graph(x)
    #expect(try largestDifference(Program(compiling: graph)(x), expected) == 0)
    #expect(try largestDifference(reread(graph)(x), expected) < 1e-6)
  }

  /// Ops, with the shape of the weight of those that have one.
  private static let layers: [(any Op, Shape?)] = [
    (
      ConvTranspose2d(stride: Size2d(2, 1), padding: 1, outputPadding: Size2d(1, 0), groups: 2),
      Shape([4, 3, 3, 2])
    ),
    (ConvTranspose1d(stride: 3, padding: 1, outputPadding: 2), Shape([4, 2, 3])),
    (Conv1d(stride: 2, padding: (2, 1), groups: 2), Shape([6, 2, 3])), (PRelu(), Shape([4, 1, 1])),
    (MaxPool1d(3, stride: 2, padding: 1), nil), (AvgPool1d(3, stride: 2, padding: 1), nil),
    (Interpolate(.size([7, 5])), nil), (Interpolate(.scale([2]), mode: .bilinear), nil),
    (Interpolate(.size([9, 9]), mode: .bilinear, alignCorners: true), nil),
    (Interpolate(.scale([1.5]), mode: .linear), nil), (TopK(2, axis: 1), nil),
    (GroupNorm(groups: 2), nil), (InstanceNorm(), nil),
  ]

  @Test(arguments: layers) func layersComeBackAsTheyWere(op: any Op, weight: Shape?) throws {
    let isSequence =
      ["1d", "linear"].contains { op.name.hasSuffix($0) } || (op as? Interpolate)?.mode == .linear
    let x = try sample(isSequence ? [2, 4, 9] : [2, 4, 6, 5])
    let net = Applied(op, try weight.map { [try sample($0, seed: 4)] } ?? [])
    let graph = try Graph(capturing: net, [x])
    let read = try reread(graph)
    #expect(try largestDifference(read(x), graph(x)) < 1e-6)
    let ops = { (g: Graph) in g.order.compactMap { g.operation($0)?.op.name } }
    #expect(ops(read).count <= ops(graph).count + 2)
  }

  @Test func scattersAndGathersComeBackAsTheyWere() throws {
    let (x, updates) = (try sample([3, 4]), try sample([2, 4], seed: 3))
    let places = try Tensor([2, 4], [0, 2, 1, 0, 2, 2, 0, 1] as [Int64])
    for reduction in Scatter.Reduction.allCases {
      let graph = try Graph(
        capturing: Applied(Scatter(axis: 0, reduction: reduction), [places, updates]), [x])
      #expect(try largestDifference(reread(graph)(x), graph(x)) == 0)
    }
  }

  @Test(arguments: OnnxExportFormat.allCases)
  func quantizedNetworksComputeTheSameButForTies(format: OnnxExportFormat) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    quantized.setTraining(false)
    let read = try reread(quantized, format: format)
    let x = try sample([16, 2, 8, 8])
    let (a, b) = (try read(x).doubles(), try quantized(x).doubles())
    let span = (b.max() ?? 0) - (b.min() ?? 0)
    for (a, b) in zip(a, b) { #expect(abs(a - b) <= span / 100) }
    #expect(zip(a, b).count { abs($0 - $1) > span / 10000 } <= a.count / 20)
  }

  /// Clips take the place of codes that are not used.
  @Test func fewerBitsKeepTheirGrids() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let quantize = StaticQuantization(
      weights: WeightScheme(.integer(bits: 4)), activations: ActivationScheme(bits: 4))
    let quantized = try quantize(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    quantized.setTraining(false)
    let read = try reread(quantized)
    let x = try sample([16, 2, 8, 8]) * 3
    let (a, b) = (try read(x).doubles(), try quantized(x).doubles())
    let span = (b.max() ?? 0) - (b.min() ?? 0)
    #expect(zip(a, b).count { abs($0 - $1) > span / 10000 } <= a.count / 10)
  }

  /// The integer operations of a graph, by the order they come in.
  private func integerOperations(_ graph: Graph) -> [String] {
    graph.order.compactMap { id in
      graph.operation(id).flatMap { $0.op is any QuantizedOp ? $0.op.name : nil }
    }
  }

  @Test(arguments: OnnxExportFormat.allCases)
  func integerLayersStayIntegerLayers(format: OnnxExportFormat) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    let read = try reread(quantized, format: format)
    #expect(integerOperations(read) == integerOperations(quantized))
    let x = try sample([16, 2, 8, 8])
    #expect(try read(x).array(Float.self) == quantized(x).array(Float.self))
  }

  @Test(arguments: [false, true], OnnxExportFormat.allCases)
  func integerTransformersStayIntegerLayers(isCausal: Bool, format: OnnxExportFormat) throws {
    let graph = try Graph(capturing: EncoderNet(seed: 5, isCausal: isCausal), [sample([2, 6, 16])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 6, 16], seed: 9)])
    quantized.setTraining(false)
    let read = try reread(quantized, format: format)
    #expect(integerOperations(read) == integerOperations(quantized), "\(read.log)")
    let x = try sample([8, 6, 16])
    #expect(try read(x).array(Float.self) == quantized(x).array(Float.self))
  }

  private func encoded(_ graph: Graph) throws -> OnnxModel {
    let file = try MappedFile(copying: OnnxFile.encode(graph), as: "m.onnx")
    return try OnnxModel(decoding: file.bytes, source: OnnxSource(file))
  }

  private func initializers(_ graph: Graph) throws -> [Int] {
    try encoded(graph).graph.initializers.map(\.typeCode)
  }

  @Test func weightsOfFourBitsAreStoredInFour() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let four = StaticQuantization(weights: WeightScheme(.integer(bits: 4)))
    let quantized = try four(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    // Three weights, and the zero points of eight channels and of five.
    #expect(try initializers(quantized).filter { $0 == OnnxType.int4.rawValue }.count == 5)
    let (read, x) = (try reread(quantized), try sample([16, 2, 8, 8]))
    #expect(try read(x).array(Float.self) == quantized(x).array(Float.self))
  }

  @Test(arguments: [true, false]) func groupsOfInputsAreStoredAsBlocks(isSymmetric: Bool) throws {
    let scheme = WeightScheme(.integer(bits: 4), .group(16), isSymmetric: isSymmetric)
    let net = RoundedLinear(try sample([5, 40], seed: 2), scheme)
    let graph = try Graph(capturing: net, [sample([2, 40])])
    #expect(try initializers(graph).filter { $0 == OnnxType.int4.rawValue }.count == 2)
    let (read, x) = (try reread(graph), try sample([7, 40]))
    #expect(try largestDifference(read(x), graph(x)) < 1e-5)
  }

  @Test(arguments: [true, false], [true, false])
  func layersOfFewBitsAndRealActivationsAreProductsOfBlocks(isSymmetric: Bool, isDynamic: Bool) throws {
    let scheme = WeightScheme(.integer(bits: 4), .group(16), isSymmetric: isSymmetric)
    let weight = try sample([5, 40], seed: 2)
    let op = LowBitLinear(try WeightQuantizer(weight: weight, scheme: scheme), isDynamic: isDynamic)
    let graph = try Graph(capturing: Applied(op, [weight, sample([5], seed: 3)]), [sample([2, 3, 40])])
    #expect(try initializers(graph).filter { $0 == OnnxType.int4.rawValue }.count == 2)
    let (read, x) = (try reread(graph), try sample([7, 3, 40]))
    // A row of zeros, which has no scale of its own.
    try x.narrow(axis: 0, start: 3, count: 1).assign(Tensor.zeros([1, 3, 40]))
    #expect(try largestDifference(read(x), graph(x)) < 1e-4)
  }

  @Test func tablesOfFewBitsAreGathered() throws {
    let table = try sample([12, 32], seed: 2)
    let scheme = WeightScheme(.integer(bits: 4), .group(16))
    let op = LowBitEmbedding(try WeightQuantizer(weight: table, scheme: scheme))
    let words = try Tensor([2, 3], [0, 11, 4, 7, 7, 1] as [Int64])
    let graph = try Graph(capturing: Looked(op, table), [words])
    #expect(try initializers(graph).filter { $0 == OnnxType.int4.rawValue }.count == 2)
    #expect(try largestDifference(reread(graph)(words), graph(words)) < 1e-6)
  }

  @Test(arguments: [false, true]) func recurrentLayersAreStoredOnce(bidirectional: Bool) throws {
    let graph = try Graph(capturing: SequenceNet(seed: 3, bidirectional: bidirectional), [sample([2, 7, 6])])
    graph.setTraining(false)
    let count = try encoded(graph).graph.initializers.count { $0.typeCode == OnnxType.float.rawValue }
    // Two matrices and a bias for each direction of two layers, and the head's two.
    #expect(count == (bidirectional ? 4 : 2) * 3 + 2)
    let x = try sample([5, 7, 6])
    #expect(try largestDifference(reread(graph)(x), graph(x)) < 1e-6)
  }

  @Test(arguments: [false, true], OnnxExportFormat.allCases)
  func quantizedRecurrentLayersComputeTheSameButForTies(bidirectional: Bool, format: OnnxExportFormat) throws
  {
    let graph = try Graph(capturing: SequenceNet(seed: 3, bidirectional: bidirectional), [sample([2, 7, 6])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 7, 6], seed: 9)])
    quantized.setTraining(false)
    let (read, x) = (try reread(quantized, format: format), try sample([16, 7, 6]))
    let (a, b) = (try read(x).doubles(), try quantized(x).doubles())
    let span = (b.max() ?? 0) - (b.min() ?? 0)
    #expect(zip(a, b).allSatisfy { abs($0 - $1) <= span / 100 })
    #expect(zip(a, b).count { abs($0 - $1) > span / 10000 } <= a.count / 20)
  }

  /// The steps are written for one length; the batch may be any.
  @Test func quantizedRecurrentLayersOfOpenLengthAreRefused() throws {
    let shapes: [Shape] = [[20, 3], [20, 5], [20], [20]]
    let net = Applied(SequenceLSTM(), try shapes.map { try sample($0, seed: 4) })
    let quantized = try StaticQuantization()(
      Graph(capturing: net, [sample([2, 4, 3])]), calibration: [sample([16, 4, 3], seed: 9)])
    quantized.setTraining(false)
    try quantized.open([["batch", "length", nil]])
    #expect { try OnnxFile.encode(quantized) } throws: {
      "\($0)".contains("for sequences of 4, but their length is open")
    }
    try quantized.open([["batch", nil, nil]])
    let x = try sample([5, 4, 3])
    #expect(try reread(quantized)(x).shape == [5, 4, 5])
  }

  /// As a graph has it where recurrent layers are left in float.
  @Test(arguments: [false, true]) func sequencesBatchFirstComeBackAsTheyWere(reversed: Bool) throws {
    let shapes: [Shape] = [[20, 3], [20, 5], [20], [20]]
    let net = Applied(SequenceLSTM(reversed: reversed), try shapes.map { try sample($0, seed: 4) })
    let (graph, x) = (try Graph(capturing: net, [sample([2, 4, 3])]), try sample([3, 4, 3]))
    #expect(try largestDifference(reread(graph)(x), graph(x)) < 1e-6)
    let last = try Graph(capturing: Applied(SelectPosition(3), []), [sample([2, 4, 3])])
    #expect(try largestDifference(reread(last)(x), last(x)) == 0)
  }

  /// The file of values is what scripts/peers/check.py compares other runtimes with.
  @Test func valuesAreWrittenBesideTheModelByTheirNames() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    quantized.setTraining(false)
    let stem = NSTemporaryDirectory() + "values-\(UUID().uuidString)"
    defer { for ending in [".onnx", ".npz"] { unlink(stem + ending) } }
    let x = try sample([3, 2, 8, 8])
    try OnnxFile.write(quantized, to: stem + ".onnx", samples: [x])
    let values = try Npz.read(stem + ".npz")
    let model = try encoded(quantized)
    #expect(try values[model.graph.inputs[0].name]?.array(Float.self) == x.array(Float.self))
    #expect(
      try values[model.graph.outputs[0].name]?.array(Float.self) == quantized(x).array(Float.self))
    let names = model.graph.nodes.filter { $0.operation == "QuantizeLinear" }.map(\.outputs[0])
    #expect(names.count > 3 && names.allSatisfy { values[$0]?.dtype == .u8 })
    #expect(values.count == names.count + 2)
  }

  @Test func trainedGridsAreStoredAsConversions() throws {
    let graph = try QuantizationAwareTraining()(Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])]))
    graph.setTraining(true)
    _ = try graph(sample([32, 2, 8, 8], seed: 9))
    graph.setTraining(false)
    let (read, x) = (try reread(graph), try sample([16, 2, 8, 8]))
    let (a, b) = (try read(x).doubles(), try graph(x).doubles())
    let span = (b.max() ?? 0) - (b.min() ?? 0)
    // A number that lies between two steps may go to either.
    #expect(zip(a, b).allSatisfy { abs($0 - $1) <= span / 100 })
    #expect(zip(a, b).count { abs($0 - $1) > span / 10000 } <= a.count / 20)
  }

  @Test(arguments: Pad.Mode.allCases) func paddingAndRunningSumsKeepTheirKind(mode: Pad.Mode) throws {
    let ops: [any Op] = [
      Pad(before: [0, 0, 1, 2], after: [0, 0, 2, 1], mode: mode, value: 3), Cumsum(axis: 2, exclusive: true),
      Cumsum(axis: 3, exclusive: true, reverse: true),
    ]
    let graph = try Graph(capturing: Chain(ops), [sample([2, 2, 4, 3])])
    let x = try sample([3, 2, 4, 3])
    #expect(try largestDifference(reread(graph)(x), graph(x)) == 0)
  }

  @Test func theSameGraphGivesTheSameBytes() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    #expect(try OnnxFile.encode(graph) == OnnxFile.encode(graph))
  }

  @Test func openDimensionsCanBeFixed() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [sample([2, 2, 8, 8])])
    let path = NSTemporaryDirectory() + "fixed-\(UUID().uuidString).onnx"
    defer { unlink(path) }
    try OnnxFile.write(graph, to: path)
    let read = try OnnxFile.read(path, OnnxOptions(dimensions: ["batch": 4]))
    #expect(read[read.inputs[0]].shape == [4, 2, 8, 8])
    #expect { try OnnxFile.read(path, OnnxOptions(dimensions: ["length": 4])) } throws: {
      "\($0)" == "\(path): has no dimension called 'length'; it has batch"
    }
  }
}

/// An op with what it reads behind its input.
private final class Applied: Module {
  private let op: any Op
  private let rest: [Parameter]

  init(_ op: any Op, _ rest: [Tensor]) {
    (self.op, self.rest) = (op, rest.map { Parameter($0) })
    super.init(kind: "applied")
    for (i, parameter) in self.rest.enumerated() { register("weight\(i)", parameter) }
  }

  override func forward(_ x: [Tensor]) throws -> Tensor { try op.apply([x[0]] + rest.map(\.value)) }
}

/// An op that reads a table and then its input.
private final class Looked: Module {
  private let op: any Op
  private let table: Parameter

  init(_ op: any Op, _ table: Tensor) {
    (self.op, self.table) = (op, Parameter(table))
    super.init(kind: "looked")
    register("table", self.table)
  }

  override func forward(_ x: [Tensor]) throws -> Tensor { try op.apply([table.value, x[0]]) }
}

private final class LiteralFlatten: Module {
  init(_ layer: LinearLayer) {
    super.init(kind: "literal_flatten")
    register("layer", layer)
  }

  override func forward(_ x: [Tensor]) throws -> Tensor {
    try children[0].module(Relu()(x[0]).reshaped([x[0].shape[0], 8]))
  }
}

/// Heads split and joined by reshapes that hold every extent, as a script writes them.
private final class LiteralHeads: Module {
  init() { super.init(kind: "literal_heads") }

  override func forward(_ x: [Tensor]) throws -> Tensor {
    let (batch, length) = (x[0].shape[0], x[0].shape[1])
    let heads = try x[0].reshaped([batch, length, 2, 4]).permuted([0, 2, 1, 3])
    let joined = try Relu()(heads).permuted([0, 2, 1, 3]).reshaped([batch, length, 8])
    return try Softmax(axis: 2)(joined)
  }
}

/// Ops of one input, one after the other.
private final class Chain: Module {
  private let ops: [any Op]

  init(_ ops: [any Op]) {
    self.ops = ops
    super.init(kind: "chain")
  }

  override func forward(_ x: [Tensor]) throws -> Tensor { try ops.reduce(x[0]) { try $1.apply([$0]) } }
}

/// A linear layer whose weight is rounded.
private final class RoundedLinear: Module {
  private let weight: Parameter
  private let scheme: WeightScheme

  init(_ weight: Tensor, _ scheme: WeightScheme) {
    (self.weight, self.scheme) = (Parameter(weight), scheme)
    super.init(kind: "rounded_linear")
    register("weight", self.weight)
  }

  override func forward(_ x: [Tensor]) throws -> Tensor {
    try Linear().apply([x[0], FakeQuantizeWeight(scheme).apply([weight.value])])
  }
}
