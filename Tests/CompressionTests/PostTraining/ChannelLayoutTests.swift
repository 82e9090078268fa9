import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Channels lie along dimension 1 for convolutions and along the last one for linear layers, however many dimensions a
/// value has.
@Suite struct ChannelLayoutTests {
  /// The largest difference, as a share of the largest result.
  private func difference(_ a: Graph, _ b: Graph, _ x: Tensor) throws -> Double {
    let (y, z) = (try evaluate(a, x), try evaluate(b, x))
    return try (y - z).abs().max().item() / y.abs().max().item()
  }

  /// Sizes that differ, so that every method has something to move.
  private func uneven(_ shape: Shape, axis: Int, seed: UInt64) throws -> Tensor {
    let sizes = (0..<shape[axis]).map { Float([1, 20, 0.1, 4][$0 % 4]) }
    let across = try Tensor(Shape((0..<shape.rank).map { $0 == axis ? shape[axis] : 1 }), sizes)
    return try normalTensor(shape, seed: seed) * across
  }

  @Test func `a linear layer that reads the width of images is no pair of a convolution`() throws {
    let x = try normalTensor([3, 1, 8, 8], seed: 1)
    let graph = try Chain.graph(
      x, [("conv", uneven([4, 1, 1, 1], axis: 0, seed: 2)), ("head", normalTensor([4, 8], seed: 3))]
    ) { p, x in try Linear().apply([Conv2d().apply([x, p[0].value]).relu(), p[1].value]) }
    #expect(ScalablePair.all(in: graph).isEmpty)
    #expect(try difference(graph, CrossLayerEqualization()(graph), x) == 0)
  }

  @Test func `what flattens the channels of a linear layer among others ends its pair`() throws {
    let x = try normalTensor([3, 2, 2, 6], seed: 1)
    let graph = try Chain.graph(
      x, [("first", uneven([4, 6], axis: 0, seed: 2)), ("head", normalTensor([5, 16], seed: 3))]
    ) { p, x in try Linear().apply([Flatten()(Linear().apply([x, p[0].value]).relu()), p[1].value]) }
    #expect(ScalablePair.all(in: graph).isEmpty)
    #expect(try difference(graph, CrossLayerEqualization()(graph), x) == 0)
  }

  @Test func `linear layers on values of four dimensions are a pair, pools between them are not passed`()
    throws
  {
    let x = try normalTensor([3, 2, 4, 6], seed: 1)
    let parameters: [(String, Tensor)] = [
      ("first", try uneven([4, 6], axis: 0, seed: 2)), ("head", try normalTensor([5, 4], seed: 3)),
    ]
    let pair = try Chain.graph(x, parameters) { p, x in
      try Linear().apply([Linear().apply([x, p[0].value]).relu(), p[1].value])
    }
    #expect(ScalablePair.all(in: pair).count == 1)
    #expect(try difference(pair, CrossLayerEqualization()(pair), x) < 1e-5)
    let pooled = try Chain.graph(x, parameters) { p, x in
      let y = try AvgPool2d(Window2d(kernel: 1, stride: 1)).apply([Linear().apply([x, p[0].value])])
      return try Linear().apply([y, p[1].value])
    }
    #expect(ScalablePair.all(in: pooled).isEmpty)
  }

  private func onFourDimensions(norm: Bool) throws -> (graph: Graph, x: Tensor) {
    let x = try normalTensor([16, 3, 5, 8], seed: 1)
    let parameters: [(String, Tensor)] = [
      ("first", try normalTensor([12, 8], seed: 2)), ("gain", try uneven([12], axis: 0, seed: 3)),
      ("shift", try normalTensor([12], seed: 4)), ("second", try normalTensor([6, 12], seed: 5)),
      ("bias", try normalTensor([6], seed: 6)),
    ]
    let graph = try Chain.graph(x, parameters) { p, x in
      let y = try Linear().apply([x, p[0].value])
      let middle =
        norm
        ? try LayerNorm(axes: 1, epsilon: 1e-5).apply([y, p[1].value, p[2].value])
        : try Gelu().apply([y * p[1].value])
      return try Linear().apply([middle, p[3].value, p[4].value])
    }
    return (graph, x)
  }

  @Test(arguments: [false, true])
  func `scaling of activations takes the channels of linear layers`(norm: Bool) throws {
    let (graph, x) = try onFourDimensions(norm: norm)
    let batches = CalibrationBatches([x])
    let smooth = try SmoothQuant()(graph, calibration: batches)
    #expect(try difference(graph, smooth, x) < 1e-5)
    let (rounded, scaled) = try AWQ()(graph, WeightPlan(), calibration: batches)
    #expect(try difference(graph, scaled, x) < 1e-5)
    #expect(try difference(graph, rounded, x) < 0.05)
  }

  @Test func `a value that both kinds of layer read is scaled for each by its own channels`() throws {
    let x = try normalTensor([4, 8, 5, 8], seed: 1)
    let large = try uneven([8], axis: 0, seed: 2)
    let graph = try Chain.graph(
      x, [("conv", normalTensor([8, 8, 1, 1], seed: 3)), ("linear", normalTensor([8, 8], seed: 4))]
    ) { p, x in
      let y = try (x * large.reshaped([8, 1, 1])).relu()
      return try Conv2d().apply([y, p[0].value]) + Linear().apply([y, p[1].value])
    }
    let (_, scaled) = try AWQ()(
      graph, WeightPlan(WeightScheme(.integer(bits: 4))), calibration: CalibrationBatches([x]))
    #expect(scaled.order.contains { scaled[$0].name.hasSuffix("scaled_input") })
    #expect(try difference(graph, scaled, x) < 1e-5)
  }

  @Test func `empirical bias correction takes the means of the channels that a layer makes`() throws {
    let (float, x) = try onFourDimensions(norm: false)
    let rounded = try RoundToNearest(WeightPlan(WeightScheme(.integer(bits: 3))))(float)
    let corrected = try BiasCorrection()(float, rounded: rounded, calibration: CalibrationBatches([x]))
    func meanError(_ graph: Graph) throws -> Double {
      try (evaluate(graph, x) - evaluate(float, x)).mean(axes: [0, 1, 2]).abs().max().item()
    }
    #expect(try meanError(rounded) > 0.02)
    #expect(try meanError(corrected) < 1e-3)
    #expect(corrected.log.last?.matched.count == 2)
  }

  @Test func `bias correction refuses layers that its float graph does not have`() throws {
    let (float, x) = try onFourDimensions(norm: false)
    let other = try perceptron(8, 4, 2)
    let corrected = try BiasCorrection()(other, rounded: float, calibration: CalibrationBatches([x]))
    #expect(corrected.log.last?.matched == [])
    #expect(
      corrected.log.last?.refused.first?.reason.contains("give the graph whose weights were rounded") == true)
  }

  @Test func `calibration data of no samples is none`() throws {
    let (graph, _) = try onFourDimensions(norm: true)
    let none = try CalibrationBatches([Tensor.zeros([0, 3, 5, 8])])
    let error = #expect(throws: ShapeError.self) { try SmoothQuant()(graph, calibration: none) }
    #expect(error?.description.contains("there is no calibration data") == true)
  }
}
