import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Methods that move factors through a network, or means into its biases.
@Suite struct RescalingMethodTests {
  private func close(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  private func sameFunction(_ a: Graph, _ b: Graph, _ x: Tensor) throws -> Bool {
    try close(evaluate(a, x).doubles(), evaluate(b, x).doubles(), 1e-4)
  }

  // MARK: Equalization

  @Test func `two convolutions are equalized as the formula says`() throws {
    let golden = try MethodGolden.read().equalized
    let sizes: [Double] = [1, 10, 0.1]
    let first = try Tensor.from(
      wave([3, 2, 3, 3], 0.71).enumerated().map { $1 * sizes[$0 / 18] }, [3, 2, 3, 3], .f32)
    let x = try normalTensor([2, 2, 6, 6], seed: 1)
    let graph = try Chain.graph(
      x, [("first", first), ("bias", waveTensor([3], 0.5)), ("second", waveTensor([4, 3, 1, 1], 1.3))]
    ) { p, x in
      let y = try Conv2d().apply([x, p[0].value, p[1].value]).relu()
      return try Conv2d().apply([y, p[2].value])
    }
    let equal = try CrossLayerEqualization(rounds: 1)(graph)
    let layers = WeightLayer.all(in: equal)
    #expect(close(try layers[0].weight.value.doubles(), golden.first, 1e-5))
    #expect(close(try #require(layers[0].bias).value.doubles(), golden.bias, 1e-5))
    #expect(close(try layers[1].weight.value.doubles(), golden.second, 1e-5))
    #expect(try sameFunction(graph, equal, x))
  }

  @Test
  func `a chain with a depthwise convolution, pooling and flatten keeps its function and gains per tensor`()
    throws
  {
    let x = try normalTensor([4, 3, 8, 8], seed: 1)
    let sizes = try Tensor([6, 1, 1, 1], (0..<6).map { Float([1, 20, 0.2, 5, 0.5, 1][$0]) })
    let graph = try Chain.graph(
      x,
      [
        ("point", normalTensor([6, 3, 1, 1], seed: 2) * sizes), ("point_bias", normalTensor([6], seed: 3)),
        ("depth", normalTensor([6, 1, 3, 3], seed: 4) / sizes), ("depth_bias", normalTensor([6], seed: 5)),
        ("head", normalTensor([5, 6 * 16], seed: 6)), ("head_bias", normalTensor([5], seed: 7)),
      ]
    ) { p, x in
      var y = try Conv2d().apply([x, p[0].value, p[1].value]).relu()
      y = try Conv2d(padding: 1, groups: 6).apply([y, p[2].value, p[3].value]).relu()
      y = try Flatten()(MaxPool2d(Window2d(kernel: 2, stride: 2)).apply([y]))
      return try Linear().apply([y, p[4].value, p[5].value])
    }
    let equal = try CrossLayerEqualization()(graph)
    #expect(equal.log.last?.matched == ["conv2d", "conv2d_2", "linear"])
    #expect(try sameFunction(graph, equal, x))
    let perTensor = StaticQuantization(weights: WeightScheme(.integer(bits: 8), .tensor))
    let y = try evaluate(graph, x)
    let (before, after) = (
      try squaredError(evaluate(perTensor(graph, calibration: [x]), x), y),
      try squaredError(evaluate(perTensor(equal, calibration: [x]), x), y)
    )
    #expect(after < 0.5 * before, "\(after) after \(before)")
  }

  @Test func `residual connections are left alone, and the log says why`() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [normalTensor([1, 2, 8, 8], seed: 1)])
    let equal = try CrossLayerEqualization()(graph)
    #expect(equal.log.last?.refused.contains { $0.reason.contains("residual") } == true)
    #expect(try sameFunction(graph, equal, normalTensor([3, 2, 8, 8], seed: 2)))
  }

  /// A bound for each round alone would multiply over them.
  @Test func `a channel that is nearly dead keeps the size of its bias`() throws {
    let x = try normalTensor([2, 2, 6, 6], seed: 1)
    let sizes = try Tensor([3, 1, 1, 1], [Float(1), 1e-20, 1])
    let graph = try Chain.graph(
      x,
      [
        ("first", normalTensor([3, 2, 3, 3], seed: 2) * sizes),
        ("bias", Tensor([3], [Float(0.1), -0.158, 0.2])),
        ("second", normalTensor([4, 3, 1, 1], seed: 3)),
      ]
    ) { p, x in
      try Conv2d().apply([Conv2d().apply([x, p[0].value, p[1].value]).relu(), p[2].value])
    }
    let equal = try CrossLayerEqualization(rounds: 20)(graph)
    let bias = try #require(WeightLayer.all(in: equal)[0].bias).value.doubles()
    #expect(abs(bias[1]) > 1 && abs(bias[1]) <= 15.9, "\(bias)")
    #expect(try sameFunction(graph, equal, x))
  }

  // MARK: Bias correction

  @Test func `means of clipped normal distributions are those of numerical integration`() throws {
    for row in try MethodGolden.read().clipped_means {
      let values = row.map { $0 ?? .infinity }
      #expect(abs(clippedNormalMean(values[0], values[1], values[2], values[3]) - values[4]) < 1e-9)
    }
  }

  @Test func `empirical correction leaves no mean error in any layer`() throws {
    let (float, x) = (try perceptron(32, 24, 6), try correlatedRows(300, 32, seed: 9))
    let rounded = try RoundToNearest(WeightPlan(WeightScheme(.integer(bits: 3))))(float)
    let corrected = try BiasCorrection()(float, rounded: rounded, calibration: CalibrationBatches([x]))
    func meanError(_ graph: Graph) throws -> Double {
      try (evaluate(graph, x) - evaluate(float, x)).mean(axes: [0]).abs().max().item()
    }
    #expect(try meanError(rounded) > 0.02)
    #expect(try meanError(corrected) < 1e-4)
    #expect(try areOnTheirGrids(corrected))
  }

  @Test func `analytic correction takes most of the mean error out, with no data`() throws {
    let (n, seed) = (16, UInt64(3))
    let graph = try Chain.graph(
      normalTensor([2, 8], seed: 1),
      [
        ("first", normalTensor([n, 8], seed: 2)), ("scale", Tensor([n], (0..<n).map { 1 + Float($0 % 3) })),
        ("shift", normalTensor([n], seed: 3)), ("mean", Tensor.zeros([n])), ("variance", Tensor.ones([n])),
        ("second", normalTensor([6, n], seed: seed)), ("bias", Tensor.zeros([6])),
      ]
    ) { p, x in
      let y = try BatchNorm(epsilon: 0).apply([Linear().apply([x, p[0].value])] + p[1...4].map(\.value))
        .relu()
      return try Linear().apply([y, p[5].value, p[6].value])
    }
    // Inputs such that what batch norm sees has the mean and variance it knows.
    let first = WeightLayer.all(in: graph)[0].weight.value.detached()
    let size = try first.square().sum(axes: [1]).sqrt().reshaped([n, 1])
    let weight = try #require(graph.namedParameters().first { $0.path == "first" }).parameter
    try Tape.withoutGradients { try weight.value.assign(first / size) }
    let x = try normalTensor([4000, 8], seed: 5)
    let rounded = try RoundToNearest(
      WeightPlan(
        WeightScheme(.integer(bits: 3)), layers: ["linear": .weights(WeightScheme(.integer(bits: 8)))]))(
        graph)
    let corrected = try BiasCorrection()(graph, rounded: rounded)
    func meanError(_ other: Graph) throws -> Double {
      try (evaluate(other, x) - evaluate(graph, x)).mean(axes: [0]).square().sum().item()
    }
    let (before, after) = (try meanError(rounded), try meanError(corrected))
    #expect(after < 0.1 * before, "\(after) after \(before)")
    #expect(corrected.log.last?.refused.count == 1, "the first layer reads no batch norm")
  }

  /// As in networks whose shortcut passes by the norm: what is read there has the statistics that the norm has seen.
  @Test func `analytic correction knows which batch norms were folded`() throws {
    let n = 16
    let weight = try normalTensor([n, 8], seed: 2)
    let rows = try weight / weight.square().sum(axes: [1]).sqrt().reshaped([n, 1])
    let graph = try Chain.graph(
      normalTensor([2, 8], seed: 1),
      [
        ("first", rows), ("bias", normalTensor([n], seed: 8)),
        ("scale", Tensor([n], (0..<n).map { 1 + Float($0 % 3) })),
        ("shift", normalTensor([n], seed: 3, size: 4)), ("mean", normalTensor([n], seed: 8)),
        ("variance", Tensor.ones([n])), ("second", normalTensor([6, n], seed: 4)),
        ("shortcut", normalTensor([6, n], seed: 5)),
      ]
    ) { p, x in
      let y = try Linear().apply([x, p[0].value, p[1].value])
      let inner = try BatchNorm(epsilon: 0).apply([y] + p[2...5].map(\.value)).relu()
      return try Linear().apply([inner, p[6].value]) + Linear().apply([y, p[7].value])
    }
    let x = try normalTensor([4000, 8], seed: 5)
    let eight = LayerRules(["linear": .weights(WeightScheme(.integer(bits: 8)))])
    let rounded = try RoundToNearest(WeightPlan(WeightScheme(.integer(bits: 3)), layers: eight))(graph)
    let corrected = try BiasCorrection()(graph, rounded: rounded)
    func meanError(_ other: Graph) throws -> Double {
      try (evaluate(other, x) - evaluate(graph, x)).mean(axes: [0]).square().sum().item()
    }
    let (before, after) = (try meanError(rounded), try meanError(corrected))
    #expect(after < 0.1 * before, "\(after) after \(before)")
  }

  // MARK: Activation-aware scaling

  private func normed(_ features: Int) throws -> (graph: Graph, x: Tensor) {
    let x = try normalTensor([64, features], seed: 1)
    let gains = try Tensor([features], (0..<features).map { Float($0 % 11 == 2 ? 12 : 1) })
    let graph = try Chain.graph(
      x,
      [
        ("norm", gains), ("shift", normalTensor([features], seed: 2)),
        ("a", normalTensor([24, features], seed: 3)), ("b", normalTensor([24, features], seed: 4)),
        ("c", normalTensor([8, 24], seed: 5)),
      ]
    ) { p, x in
      let y = try LayerNorm(axes: 1, epsilon: 1e-5).apply([x, p[0].value, p[1].value])
      let (a, b) = (try Linear().apply([y, p[2].value]), try Linear().apply([y, p[3].value]))
      return try Linear().apply([(a + b).relu(), p[4].value])
    }
    return (graph, x)
  }

  @Test func `smoothing factors are the formula's`() throws {
    for (alpha, factors) in try MethodGolden.read().smoothquant.factors {
      let method = SmoothQuant(alpha: try #require(Double(alpha)))
      let found = zip([0.5, 20, 3], [0.2, 0.1, 0.4]).map { method.factor(activation: $0, weight: $1) }
      #expect(close(found, factors, 1e-9))
    }
    #expect(SmoothQuant().factor(activation: 0, weight: 1) == 1)
  }

  @Test func `smoothing keeps the function and helps where some activations are large`() throws {
    let (graph, x) = try normed(44)
    let smooth = try SmoothQuant()(graph, calibration: CalibrationBatches([x]))
    #expect(try sameFunction(graph, smooth, x))
    #expect(smooth.log.last?.matched.count == 2)
    let y = try evaluate(graph, x)
    let (before, after) = (
      try squaredError(evaluate(StaticQuantization()(graph, calibration: [x]), x), y),
      try squaredError(evaluate(StaticQuantization()(smooth, calibration: [x]), x), y)
    )
    #expect(after < 0.8 * before, "\(after) after \(before)")
  }

  @Test func `factors of a ratio are the paper's`() throws {
    let found = AWQ().factors([0.1, 2, 0.5, 1], 0.35)
    #expect(close(found, try MethodGolden.read().awq.factors, 1e-9))
  }

  @Test(arguments: [
    WeightScheme(.integer(bits: 3), .group(16), isSymmetric: false), WeightScheme(.integer(bits: 4)),
  ])
  func `awq leaves less error than rounding to the nearest`(scheme: WeightScheme) throws {
    let (graph, x) = try normed(64)
    let (plan, y) = (WeightPlan(scheme), try evaluate(graph, x))
    let nearest = try squaredError(evaluate(RoundToNearest(plan)(graph), x), y)
    for method in [AWQ(), AWQ(clips: false), AWQ(inserts: false)] {
      let (rounded, scaled) = try method(graph, plan, calibration: CalibrationBatches([x]))
      #expect(try areOnTheirGrids(rounded))
      #expect(try sameFunction(graph, scaled, x))
      let error = try squaredError(evaluate(rounded, x), y)
      #expect(error < 0.9 * nearest, "\(error) after \(nearest)")
    }
  }

  @Test func `what awq puts in front of a layer undoes its factors`() throws {
    let (graph, x) = (try perceptron(64, 48, 10), try correlatedRows(100, 64, seed: 3))
    let eight = try AWQ(clips: false)(
      graph, WeightPlan(WeightScheme(.integer(bits: 8))), calibration: CalibrationBatches([x])
    ).rounded
    let (y, z) = (try evaluate(graph, x), try evaluate(eight, x))
    #expect(try squaredError(y, z) < 1e-3 * QuantizationDiagnosis.power(y))
  }
}
