import Compression
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// Models written as TFLite and read again. What LiteRT makes of them is checked by scripts/peers.
@Suite struct TFLiteRoundTripTests {
  private func reread(_ graph: Graph, _ options: TFLiteExportOptions = .init()) throws -> Graph {
    let path = NSTemporaryDirectory() + "round-\(UUID().uuidString).tflite"
    defer { unlink(path) }
    try TFLiteFile.write(graph, to: path, options)
    let read = try TFLiteFile.read(path)
    read.setTraining(false)
    return read
  }

  private func capture(_ module: Module, _ shape: Shape) throws -> Graph {
    let graph = try Graph(capturing: module, [sample(shape)])
    graph.setTraining(false)
    return graph
  }

  private func quantized() throws -> Graph {
    let graph = try capture(ConvNet(seed: 3), [2, 2, 8, 8])
    let quantized = try StaticQuantization()(graph, calibration: [sample([32, 2, 8, 8], seed: 9)])
    quantized.setTraining(false)
    return quantized
  }

  @Test func floatNetworksComputeTheSameForAnyBatch() throws {
    let graph = try capture(ConvNet(seed: 3), [2, 2, 8, 8])
    let read = try reread(graph)
    for batch in [1, 5] {
      let x = try sample([batch, 2, 8, 8])
      #expect(try largestDifference(read(x), graph(x)) < 1e-5)
    }
  }

  /// The convolution's odd padding, its stride, dilation and groups, the pooling's padding, and rows in the order of
  /// channels behind them.
  @Test(arguments: [(3, 1, 1, 1, 1), (3, 2, 1, 1, 1), (2, 2, 0, 1, 2), (3, 1, 2, 2, 4), (5, 3, 2, 1, 4)])
  func windowsKeepTheirMeaning(kernel: Int, stride: Int, padding: Int, dilation: Int, groups: Int) throws {
    let net = Sequential([
      try Conv2dLayer(
        4, 8, Size2d(kernel), stride: Size2d(stride), padding: Padding2d(Size2d(padding)),
        dilation: Size2d(dilation), groups: groups),
      Activation(.tanh), FlattenLayer(),
    ])
    let graph = try capture(net, [1, 4, 9, 7])
    let x = try sample([2, 4, 9, 7])
    #expect(try largestDifference(reread(graph)(x), graph(x)) < 1e-5)
  }

  @Test(arguments: [TFLiteExportOptions.Numbers.float, .int8])
  func integerNetworksChooseTheSameClasses(io: TFLiteExportOptions.Numbers) throws {
    let (graph, x) = (try quantized(), try sample([64, 2, 8, 8], seed: 4))
    let y = try graph(x)
    let read = try reread(graph, .init(io: io, samples: x))
    let agreed = try read(x).argmax(axis: 1).equal(y.argmax(axis: 1)).cast(to: .f64).mean().item()
    #expect(agreed >= 0.95, "\(agreed)")
    let step = try (y.max() - y.min()).item() / 255
    #expect(try largestDifference(read(x), y) <= 2 * step)
    let names = read.order.compactMap { read.operation($0)?.op.name }
    #expect(names.contains("quantized_conv2d") && names.contains("quantized_linear"), "\(names)")
  }

  @Test func aLastLayerWithoutARangeIsWrittenInFloat() throws {
    let (graph, x) = (try quantized(), try sample([16, 2, 8, 8], seed: 4))
    let (read, y) = (try reread(graph), try graph(x))
    // The mean is rounded to the grid of its input first, as TFLite has it.
    #expect(try largestDifference(read(x), y) <= 2 * (y.max() - y.min()).item() / 255)
    #expect(read.order.last.flatMap { read.operation($0)?.op.name } == "linear")
  }

  @Test func imagesCanBeTakenAsTheyLieHere() throws {
    let graph = try capture(ConvNet(seed: 3), [2, 2, 8, 8])
    for (layout, shape) in [(TFLiteExportOptions.Layout.nhwc, [1, 8, 8, 2]), (.nchw, [1, 2, 8, 8])] {
      let path = NSTemporaryDirectory() + "layout-\(UUID().uuidString).tflite"
      defer { unlink(path) }
      try TFLiteFile.write(graph, to: path, .init(layout: layout))
      let model = try TFLiteModel(MappedFile(path))
      #expect(model.tensors[model.inputs[0]].shape == shape)
      #expect(model.tensors[model.inputs[0]].signature == [-1] + shape.dropFirst())
      #expect(model.operators.contains { $0.name == "TRANSPOSE" } == (layout == .nchw))
    }
  }

  @Test func theSameGraphGivesTheSameBytes() throws {
    let graph = try quantized()
    #expect(try TFLiteFile.encode(graph) == TFLiteFile.encode(graph))
  }

  @Test func integersInAndOutNeedAQuantizedGraph() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [.ones([2, 2, 8, 8])])
    let error = #expect(throws: ShapeError.self) { try TFLiteFile.encode(graph, .init(io: .int8)) }
    #expect(error?.description.contains("are for quantized graphs") == true)
  }

  @Test func otherOperationsAreRefusedByName() throws {
    let graph = try capture(EncoderNet(seed: 5, isCausal: false), [2, 6, 16])
    let error = #expect(throws: ShapeError.self) { try TFLiteFile.encode(graph) }
    let text = error?.description ?? ""
    #expect(
      text.hasPrefix("tflite: node '") && text.contains("linear layers of [N, features] are written"),
      "\(text)")
  }
}
