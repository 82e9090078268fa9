import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct LSTMQuantizationTests {
  private func sequences(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 7, 6], (0..<count * 42).map { _ in Float(generator.normal()) })
  }

  private func captured(bidirectional: Bool = false, batchFirst: Bool = true) throws -> Graph {
    try Graph(
      capturing: SequenceNet(seed: 3, bidirectional: bidirectional, batchFirst: batchFirst),
      [sequences(2, seed: 1)])
  }

  @Test(arguments: [false, true])
  func recognizingSequencesKeepsTheFunction(bidirectional: Bool) throws {
    let graph = try captured(bidirectional: bidirectional)
    let turned = graph.copy()
    try turned.recognizeSequences()
    let names = turned.order.compactMap { turned.operation($0)?.op.name }
    #expect(names.filter { $0 == "sequence_lstm" }.count == (bidirectional ? 4 : 2))
    #expect(!names.contains("transpose") && !names.contains("lstm") && names.contains("select_position"))
    let x = try sequences(5, seed: 2)
    #expect(try turned(x).array(Float.self) == graph(x).array(Float.self))
  }

  @Test func theGradientOfASequenceIsThatOfDifferences() throws {
    try expectGradient(of: SequenceLSTM(), [2, 3, 2], [12, 2], [12, 3], [12], [12], tolerance: 1e-5)
    try expectGradient(of: SequenceLSTM(reversed: true), [2, 3, 2], [8, 2], [8, 2], tolerance: 1e-5)
    try expectGradient(of: SelectPosition(1), [2, 3, 4])
  }

  @Test(arguments: [false, true])
  func theIntegersAreNearTheFloats(bidirectional: Bool) throws {
    let graph = try captured(bidirectional: bidirectional)
    let int8 = try StaticQuantization()(graph, calibration: [sequences(64, seed: 2)])
    #expect(int8.order.compactMap { int8.operation($0)?.op }.allSatisfy { $0 is any QuantizedOp })
    let x = try sequences(32, seed: 4)
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 300, "signal to noise \(signal / noise)")
  }

  /// The arithmetic of the doc comment, sample by sample, in plain loops.
  @Test(arguments: [false, true])
  func aStepComputesWhatItSays(reversed: Bool) throws {
    let (steps, inputs, hidden, batch) = (4, 3, 2, 19)
    var generator = Generator(seed: 6)
    func weights(_ depth: Int, zeroPoint: UInt8) -> IntegerWeights {
      IntegerWeights(
        weights: (0..<4 * hidden * depth).map { _ in Int8(generator.index(below: 255) - 127) },
        bias: (0..<4 * hidden).map { Int32($0 * 90 - 300) },
        multipliers: (0..<4 * hidden).map { 0.00003 * Float($0 + 1) }, inputZeroPoint: zeroPoint,
        output: IntegerOutput(nil).stage)
    }
    let result = QuantParams(scale: 1.0 / 120, zeroPoint: 125)
    let (ih, hh) = (weights(inputs, zeroPoint: 100), weights(hidden, zeroPoint: result.zeroPoint))
    let step = try IntegerLSTM(
      steps: steps, inputs: inputs, hidden: hidden, reversed: reversed, ih, hh, result: result)
    let x = (0..<batch * steps * inputs).map { _ in UInt8(generator.index(below: 256)) }
    let y = try Tensor(undefined: [batch, steps * hidden], .u8)
    try step.run(batch: batch, [Tensor([batch, steps * inputs], x)], into: y)
    let found = try y.array(UInt8.self)

    func sigmoid(_ v: Float) -> Float { Float(1 / (1 + exp(-Double(v)))) }
    func sum(_ w: IntegerWeights, _ row: Int, _ codes: [UInt8]) -> Float {
      var total = w.bias[row]
      for (k, code) in codes.enumerated() {
        total += (Int32(code) - Int32(w.inputZeroPoint)) * Int32(w.weights[row * codes.count + k])
      }
      return Float(total) * w.multipliers[row]
    }
    var worst = 0
    for sample in 0..<batch {
      var (h, c) = ([UInt8](repeating: result.zeroPoint, count: hidden), [Float](repeating: 0, count: hidden))
      for t in reversed ? Array((0..<steps).reversed()) : Array(0..<steps) {
        let place = (sample * steps + t) * inputs
        let gates = (0..<4 * hidden).map { sum(ih, $0, Array(x[place..<place + inputs])) + sum(hh, $0, h) }
        for j in 0..<hidden {
          c[j] = sigmoid(gates[hidden + j]) * c[j] + sigmoid(gates[j]) * tanh(gates[2 * hidden + j])
          h[j] = result.quantize(sigmoid(gates[3 * hidden + j]) * tanh(c[j]))
          worst = max(worst, abs(Int(h[j]) - Int(found[(sample * steps + t) * hidden + j])))
          h[j] = found[(sample * steps + t) * hidden + j]
        }
      }
    }
    #expect(worst <= 1, "codes differ by \(worst)")
    #expect(Set(found).count > 40)
  }

  @Test func theIntegerLayerLearns() throws {
    let int8 = try StaticQuantization()(captured(), calibration: [sequences(64, seed: 2)])
    int8.setTraining(true)
    let optimizer = try Adam(int8.weights, learningRate: 0.02)
    let (x, targets) = (try sequences(32, seed: 4), try Tensor([32], (0..<32).map { Int64($0 % 5) }))
    let losses = try (0..<40).map { _ in
      optimizer.zeroGradients()
      let loss = try CrossEntropy()(int8(x), targets)
      try loss.backward()
      try optimizer.step()
      return try loss.item()
    }
    #expect(losses[39] < 0.8 * losses[0], "\(losses[0]) to \(losses[39])")
  }

  private func quantized(_ graph: Graph) -> [(op: QuantizedLSTM, weights: [Tensor])] {
    graph.order.compactMap { id in
      guard let (op, reads) = graph.operation(id), let lstm = op as? QuantizedLSTM else { return nil }
      return (lstm, reads.dropFirst().compactMap { graph.leaf($0)?.value })
    }
  }

  /// How many codes each matrix uses.
  private func codes(_ graph: Graph) throws -> [Int] {
    try quantized(graph).flatMap { op, weights in
      try zip(op.quantizers, weights).map { Set(try $0.quantize($1)).count }
    }
  }

  @Test func theWeightsHaveTheSchemeThatIsAskedFor() throws {
    let (graph, x) = (try captured(), try sequences(64, seed: 2))
    #expect(try codes(StaticQuantization()(graph, calibration: [x])).allSatisfy { $0 > 50 })
    let turned = graph.copy()
    try turned.recognizeSequences()
    let names = turned.order.filter { turned.operation($0)?.op is SequenceLSTM }.map { turned[$0].name }
    let four = StaticQuantization(
      weights: WeightScheme(.integer(bits: 4)),
      layers: LayerRules([names[1]: .weights(WeightScheme(.ternary))]))
    let found = try codes(four(graph, calibration: [x]))
    #expect(found == [15, 15, 3, 3])
    let powers = StaticQuantization(weights: WeightScheme(powerOfTwo: true))
    let scales = try quantized(powers(graph, calibration: [x])).flatMap { $0.op.quantizers.flatMap(\.scales) }
    #expect(!scales.isEmpty && scales.allSatisfy { $0.significand == 1 })
  }

  /// Trained with 3 bits, the weights of what ships have 7 codes, and it computes what was trained.
  @Test func trainingRoundsTheWeightsAsTheyShip() throws {
    let graph = try captured()
    let training = QuantizationAwareTraining(.lsq, weights: WeightScheme(.integer(bits: 3)), edgeBits: 3)
    let aware = try training(graph)
    #expect(
      aware.order.filter { aware.operation($0)?.op is LearnedStep && aware[$0].name.contains("weight") }.count
        >= 4)
    aware.setTraining(true)
    let x = try sequences(32, seed: 4)
    let optimizer = try Adam(aware.weights, learningRate: 0.001)
    let targets = try Tensor([32], (0..<32).map { Int64($0 % 5) })
    for _ in 0..<10 {
      optimizer.zeroGradients()
      try CrossEntropy()(aware(x), targets).backward()
      try optimizer.step()
    }
    aware.setTraining(false)
    let shipped = try #require(try StaticQuantization()(trained: aware))
    #expect(try codes(shipped).allSatisfy { $0 <= 7 })
    let (y, q) = try Tape.withoutGradients { (try aware(x).doubles(), try shipped(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 30, "signal to noise \(signal / noise)")
  }

  @Test func sequencesThatLieOtherwiseAreRefusedWithTheRemedy() throws {
    let error = #expect(throws: ShapeError.self) {
      try StaticQuantization()(captured(batchFirst: false), calibration: [sequences(8, seed: 2)])
    }
    #expect(error?.description.contains("make recurrent layers with batch_first") == true)
  }
}
