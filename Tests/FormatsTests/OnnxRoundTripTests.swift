import Compression
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

  private func sample(_ shape: Shape, seed: UInt64 = 1) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
  }

  private func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
    #expect(a.shape == b.shape)
    return try zip(a.doubles(), b.doubles()).reduce(0) { max($0, abs($1.0 - $1.1)) }
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

  private func initializers(_ graph: Graph) throws -> [Int] {
    let path = NSTemporaryDirectory() + "types-\(UUID().uuidString).onnx"
    defer { unlink(path) }
    try OnnxFile.write(graph, to: path)
    let file = try MappedFile(path)
    let model = try OnnxModel(decoding: file.bytes, source: OnnxSource(file))
    return model.graph.initializers.map(\.typeCode)
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
