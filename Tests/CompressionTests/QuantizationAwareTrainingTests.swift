import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct QuantizationAwareTrainingTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  private func aware(seed: UInt64 = 1) throws -> Graph {
    try QuantizationAwareTraining()(Graph(capturing: ConvNet(seed: seed), [images(2, seed: 1)]))
  }

  private func train(_ graph: Graph, steps: Int) throws -> [Double] {
    graph.setTraining(true)
    let optimizer = try SGD(graph.weights, learningRate: 0.01, momentum: 0.9)
    let targets = try Tensor([32], (0..<32).map { Int64($0 % 5) })
    return try (0..<steps).map { _ in
      optimizer.zeroGradients()
      let loss = try CrossEntropy()(graph(images(32, seed: 4)), targets)
      try loss.backward()
      try optimizer.step()
      return try loss.item()
    }
  }

  @Test func learns() throws {
    let losses = try train(aware(), steps: 30)
    #expect(losses[29] < 0.6 * losses[0], "\(losses[0]) to \(losses[29])")
  }

  /// What training computed in evaluation mode is what the integer ops compute, up to the rounding of a sum that
  /// falls on the other side of a tie.
  @Test(arguments: 1..<4 as Range<UInt64>)
  func quantizesToWhatWasTrained(seed: UInt64) throws {
    let graph = try aware(seed: seed)
    _ = try train(graph, steps: 10)
    graph.setTraining(false)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    #expect(int8.order.compactMap { int8.operation($0)?.op }.allSatisfy { $0 is any QuantizedOp })
    let x = try images(64, seed: 5)
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 2000, "signal to noise \(signal / noise)")
  }

  private typealias Method = QuantizationAwareTraining.Method

  private func aware(_ method: Method, bits: Int = 4) throws -> Graph {
    let weights: WeightScheme? =
      method == .ternary || method == .binary
      ? nil : WeightScheme(.integer(bits: bits), method.weights.granularity)
    let training = QuantizationAwareTraining(
      method, weights: weights, activations: ActivationScheme(bits: method == .binary ? 8 : bits + 2))
    return try training(Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)]))
  }

  @Test(arguments: Method.allCases)
  private func everyMethodLearns(method: Method) throws {
    let losses = try train(aware(method), steps: 30)
    #expect(losses[29] < 0.9 * losses[0], "\(method): \(losses[0]) to \(losses[29])")
  }

  /// Batch norm is folded into scales: the codes of training are those that are shipped, turned around where a factor of
  /// batch norm is negative.
  @Test(arguments: Method.allCases)
  private func theIntegersOfTheWeightsAreThoseOfTraining(method: Method) throws {
    let graph = try aware(method)
    let norm = try #require(graph.namedParameters().first { $0.path.contains("norm_0") }).parameter
    norm.value.floats[2] = -0.6
    _ = try train(graph, steps: 3)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    let trained = try graph.order.compactMap { id -> (codes: [Int8], depth: Int)? in
      guard let (op, reads) = graph.operation(id), let grid = op as? any WeightGrid,
        let weight = graph.leaf(reads[0])
      else { return nil }
      let leaves = reads.dropFirst().compactMap { graph.leaf($0)?.value }
      let rounded = try grid.apply([weight.value] + leaves)
      let codes = try grid.quantizer(weight.value, leaves).quantize(rounded)
      return (codes, codes.count / weight.value.shape[0])
    }
    let shipped = try int8.weights.compactMap { try $0.constraint(WeightQuantizer.self)?.quantize($0.value) }
    #expect(trained.count == 3 && shipped.count == 3)
    var turned = 0
    for ((codes, depth), found) in zip(trained, shipped) {
      for first in stride(from: 0, to: codes.count, by: depth) {
        let (mine, theirs) = (codes[first..<first + depth], found[first..<first + depth])
        if mine != theirs { turned += 1 }
        #expect(mine == theirs || mine.map { -$0 } == Array(theirs), "\(method), channel at \(first)")
      }
    }
    #expect(turned == 1)
  }

  /// What training computes in evaluation mode is what the integer ops compute, up to the rounding of sums that fall on
  /// the other side of a tie, each worth a step of a coarser grid here.
  @Test(arguments: Method.allCases)
  private func everyMethodQuantizesToWhatWasTrained(method: Method) throws {
    let graph = try aware(method)
    _ = try train(graph, steps: 10)
    graph.setTraining(false)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    let x = try images(64, seed: 5)
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / max(noise, 1e-12) > 100, "\(method): signal to noise \(signal / noise)")
  }

  @Test func theFirstAndTheLastLayerKeepEightBits() throws {
    let graph = try aware(.lsq, bits: 3)
    _ = try train(graph, steps: 1)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    #expect(int8.weights.compactMap { $0.constraint(WeightQuantizer.self)?.highest } == [127, 3, 127])
    let linear = int8.order.compactMap { int8.operation($0)?.op as? QuantizedLinear }
    #expect(linear.map { $0.activations[0].highest } == [255])
    let inner = int8.order.compactMap { int8.operation($0)?.op as? QuantizedConv2d }
    #expect(inner.map { $0.activations[0].highest - $0.activations[0].lowest } == [255, 31])
  }

  @Test func layersMayHaveSchemesOfTheirOwn() throws {
    let training = QuantizationAwareTraining(
      .lsq, weights: WeightScheme(.integer(bits: 4), .tensor), layers: ["*": .weights(WeightScheme(.binary))])
    let graph = try training(Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)]))
    _ = try train(graph, steps: 1)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    #expect(int8.weights.compactMap { $0.constraint(WeightQuantizer.self)?.bits } == [1, 1, 1])
  }

  @Test func frozenStatisticsStayAsTheyAre() throws {
    let graph = try aware(.minmax)
    _ = try train(graph, steps: 2)
    let frozen = graph.freezeStatistics()
    #expect(frozen.contains { $0.contains("batch_norm") } && frozen.count > 3)
    let buffers = graph.namedParameters().filter { $0.parameter.role == .buffer }
    let before = try buffers.map { try $0.parameter.value.array(Float.self) }
    _ = try train(graph, steps: 2)
    #expect(try buffers.map { try $0.parameter.value.array(Float.self) } == before)
    graph.setTraining(true)
    let x = try images(8, seed: 6)
    let training = try Tape.withoutGradients { try graph(x).array(Float.self) }
    graph.setTraining(false)
    #expect(try Tape.withoutGradients { try graph(x).array(Float.self) } == training)
  }

  /// The last phase of training: forward through the integer kernels themselves.
  @Test func theIntegersThemselvesTrainOn() throws {
    let graph = try aware(.lsq)
    _ = try train(graph, steps: 5)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    let losses = try train(int8, steps: 15)
    #expect(losses[14] < losses[0], "\(losses[0]) to \(losses[14])")
  }

  @Test func attentionAsksForSamples() throws {
    var generator = Generator(seed: 1)
    let x = try Tensor([4, 6, 16], (0..<384).map { _ in Float(generator.normal()) })
    let graph = try QuantizationAwareTraining()(Graph(capturing: EncoderNet(seed: 3), [x]))
    graph.setTraining(true)
    _ = try graph(x)
    graph.setTraining(false)
    let error = #expect(throws: ShapeError.self) { try StaticQuantization()(trained: graph) }
    #expect(error?.description.contains("give option 'calibration'") == true)
    var left = [x][...]
    let int8 = try #require(try StaticQuantization()(trained: graph) { left.popFirst().map { [$0] } })
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 100, "signal to noise \(signal / noise)")
  }

  @Test(arguments: [
    (QuantizationAwareTraining(edgeBits: 9), "the first and last layers must have 2 to 8 bits (got 9)"),
    (QuantizationAwareTraining(momentum: 0), "momentum must be above 0"),
    (QuantizationAwareTraining(.pact, penalty: -1), "the penalty must be a number of at least 0"),
    (
      QuantizationAwareTraining(.lsq, activations: ActivationScheme(powerOfTwo: true)),
      "for powers of two use method 'minmax'"
    ),
    (
      QuantizationAwareTraining(layers: ["nowhere": .weights(WeightScheme())]), "no layer is called 'nowhere'"
    ),
  ])
  func refusesWhatHasNoMeaning(training: QuantizationAwareTraining, message: String) throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) { try training(graph) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func anyOtherGraphHasNoTrainedRanges() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    #expect(try StaticQuantization()(trained: graph) == nil)
  }
}

@Suite struct FakeQuantizeTests {
  @Test func givesTheValuesTheIntegersStandFor() throws {
    let range = try Tensor([2], [Float(-1), 2])
    let params = QuantParams(covering: -1, 2)
    let values: [Float] = [-3, -1, -0.4, 0, 0.005882353, 0.1, 1.999, 2.5]
    let y = try FakeQuantize()(Tensor([8], values), range).array(Float.self)
    #expect(y == values.map { params.dequantize(params.quantize($0)) })
  }

  @Test func theGradientStopsWhereTheGridEnds() throws {
    let x = try Tensor([4], [Float(-3), -1, 1.5, 2.5])
    x.requiresGrad = true
    try FakeQuantize()(x, Tensor([2], [Float(-1), 2])).backward(from: Tensor([4], [Float(1), 2, 3, 4]))
    #expect(try #require(x.grad).array(Float.self) == [0, 2, 3, 0])
  }

  @Test func theRangeBeginsWithTheFirstBatchAndMovesInTrainingOnly() throws {
    let range = try FakeQuantize.unseen()
    let op = FakeQuantize(momentum: 0.5, training: true)
    _ = try op(Tensor([2], [Float(-1), 3]), range)
    #expect(try range.array(Float.self) == [-1, 3])
    _ = try op(Tensor([2], [Float(-2), 5]), range)
    #expect(try range.array(Float.self) == [-1.5, 4])
    _ = try op.mode(training: false).apply([Tensor([2], [Float(-9), 9]), range])
    #expect(try range.array(Float.self) == [-1.5, 4])
  }

  @Test func aNaNStaysOneAndLeavesTheRangeAlone() throws {
    let range = try Tensor([2], [Float(-1), 2])
    let y = try FakeQuantize(momentum: 1, training: true)(Tensor([3], [Float.nan, 1, -1]), range)
    #expect(try y.array(Float.self)[0].isNaN)
    #expect(try range.array(Float.self) == [-1, 1])
  }

  @Test func weightsAreRoundedChannelByChannel() throws {
    let weight = try Tensor([2, 3], [Float(0.5), -1.27, 0.004, 100, 30.3, -127])
    let y = try FakeQuantizeWeight()(weight).array(Float.self)
    #expect(
      y
        == (try WeightQuantizer(weight: weight, bias: nil, inputScale: 1).dequantized(weight).array(
          Float.self)))
    let whole = try FakeQuantizeWeight(WeightScheme(.integer(bits: 8), .tensor))(weight).array(Float.self)
    #expect(whole == [0, -1, 0, 100, 30, -127])
  }
}
