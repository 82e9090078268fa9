import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Attention, layer normalisation, softmax and products of activations in integers.
@Suite struct TransformerQuantizationTests {
  private func sequences(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 6, 16], (0..<count * 96).map { _ in Float(generator.normal()) })
  }

  @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
  func staysCloseToTheFloatGraph(seed: UInt64, isCausal: Bool) throws {
    let graph = try Graph(capturing: EncoderNet(seed: seed, isCausal: isCausal), [sequences(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [sequences(64, seed: 2)])
    let ops = int8.order.compactMap { int8.operation($0)?.op }
    #expect(ops.allSatisfy { $0 is any QuantizedOp })
    for kind in ["attention", "layer_norm", "softmax", "mul", "add", "lookup", "linear", "concat"] {
      #expect(ops.contains { $0.name == "quantized_" + kind }, "no \(kind)")
    }
    let x = try sequences(32, seed: 3)
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 300, "signal to noise \(signal / noise)")
    #expect(noise > 0, "nothing was quantized")
  }

  /// One op at a time, so that no error can hide behind another's.
  @Test(arguments: [1, 2, 4])
  func attentionIsTheFloatOpWithinItsRounding(heads: Int) throws {
    let (q, k, v) = (try sequences(2, seed: 4), try sequences(2, seed: 5), try sequences(2, seed: 6))
    let attention = Attention(heads: heads)
    let inputs = [QuantParams(covering: -4, 5), QuantParams(symmetric: 4), QuantParams(symmetric: 4)]
    let scores = try attention.scores([q, k]).doubles()
    let op = QuantizedAttention(
      attention, inputs, scores: QuantParams(covering: Float(scores.min()!), Float(scores.max()!)),
      result: QuantParams(symmetric: 3))
    let onGrid = try zip([q, k, v], inputs).map { try QuantizeLinear($1)($0) }
    let (exact, rounded) = try Tape.withoutGradients {
      (try attention.apply(onGrid).doubles(), try op.apply(onGrid).doubles())
    }
    let worst = zip(exact, rounded).map { abs($0 - $1) }.max()!
    #expect(worst < 0.08, "off by \(worst)")
  }

  @Test func keysMustBeSigned() throws {
    let x = try sequences(1, seed: 1)
    let params = QuantParams(covering: -1, 3)
    let op = QuantizedAttention(
      Attention(heads: 2), [params, params, params], scores: params, result: params)
    let error = #expect(throws: ShapeError.self) { try op.apply([x, x, x]) }
    #expect(error?.description == "attention: k has zero point 64, the kernel needs 128")
  }

  @Test func passesGradientsStraightThrough() throws {
    let graph = try Graph(capturing: EncoderNet(seed: 1), [sequences(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [sequences(64, seed: 2)])
    func gradient(_ graph: Graph) throws -> [Double] {
      let input = try sequences(4, seed: 3)
      input.requiresGrad = true
      try Sum(axes: [0, 1, 2])(graph(input).square()).backward()
      return try #require(input.grad).doubles()
    }
    let (a, b) = (try gradient(graph), try gradient(int8))
    let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    let norms = (a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }).squareRoot()
    #expect(dot / norms > 0.95, "cosine of the gradients \(dot / norms)")
  }
}
