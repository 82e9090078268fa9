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

  @Test func keepsTheIntegersOfTheWeights() throws {
    let graph = try aware()
    _ = try train(graph, steps: 3)
    let int8 = try #require(try StaticQuantization()(trained: graph))
    let trained = try graph.order.compactMap { id -> [Int8]? in
      guard let (op, reads) = graph.operation(id), op is FakeQuantizeWeight, let weight = graph.leaf(reads[0])
      else { return nil }
      return try WeightQuantizer(weight: weight.value, bias: nil, inputScale: 1).quantize(weight.value)
    }
    let shipped = try int8.weights.compactMap { weight in
      try weight.constraint(WeightQuantizer.self)?.quantize(weight.value)
    }
    #expect(trained.count == 3 && shipped.count == 3)
    for (a, b) in zip(trained, shipped) {
      let apart = zip(a, b).filter { $0 != $1 && $0 != -$1 }.count
      #expect(apart * 200 <= a.count, "\(apart) of \(a.count) integers differ")
    }
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
