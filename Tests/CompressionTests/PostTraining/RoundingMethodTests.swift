import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

/// Methods that decide how weights are rounded or which grid they get, GPTQ apart.
@Suite struct RoundingMethodTests {
  private static let int3 = WeightPlan(WeightScheme(.integer(bits: 3)))

  private func close(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  // MARK: AdaRound

  @Test func `soft rounding and its pull to 0 and 1 are the paper's`() throws {
    let golden = try MethodGolden.read().adaround
    let h = try AdaRound.soft(Tensor([golden.v.count], golden.v.map { Float($0) }))
    #expect(close(try h.doubles(), golden.h, 1e-6))
    for (beta, pull) in golden.pull {
      #expect(try abs(AdaRound.pull(h, beta: #require(Double(beta))).item() - pull) < 1e-4)
    }
  }

  @Test func `beta falls from 20 to 2 after the warm-up`() {
    let method = AdaRound(iterations: 100)
    #expect(method.beta(19) == nil)
    #expect(method.beta(20) == 20)
    #expect(abs((method.beta(60) ?? 0) - 11) < 1e-9)
    #expect((method.beta(99) ?? 0) < 2.01)
  }

  @Test(arguments: [false, true])
  func `adaround leaves less error than rounding to the nearest`(asymmetric: Bool) throws {
    let (float, x) = (try perceptron(32, 24, 6), try correlatedRows(300, 32, seed: 9))
    let y = try evaluate(float, x)
    let nearest = try squaredError(evaluate(RoundToNearest(Self.int3)(float), x), y)
    let rounded = try AdaRound(asymmetric: asymmetric)(
      float, Self.int3, calibration: CalibrationBatches([x]))
    #expect(try areOnTheirGrids(rounded))
    let error = try squaredError(evaluate(rounded, x), y)
    #expect(error < 0.85 * nearest, "\(error) after \(nearest)")
  }

  @Test(arguments: [1, 4])
  func `adaround rounds convolutions up or down, never further`(groups: Int) throws {
    let x = try normalTensor([4, 4, 6, 6], seed: 1)
    let weight = try normalTensor([8, 4 / groups, 3, 3], seed: 2)
    let graph = try Chain.graph(x, [("weight", weight)]) { p, x in
      try Conv2d(padding: 1, groups: groups).apply([x, p[0].value]).relu()
    }
    for asymmetric in [false, true] {
      let rounded = try AdaRound(iterations: 100, asymmetric: asymmetric)(
        graph, Self.int3, calibration: CalibrationBatches([x]))
      let layer = try #require(WeightLayer.all(in: rounded).first)
      let quantizer = try #require(layer.weight.constraint(WeightQuantizer.self))
      let steps = try zip(layer.weight.value.array(Float.self), weight.array(Float.self)).enumerated().map {
        abs($1.0 - $1.1) / quantizer.scales[$0 / (weight.count / 8)]
      }
      #expect(steps.allSatisfy { $0 < 1.001 })
      #expect(steps.contains { $0 > 0.5 }, "nothing was rounded away from the nearest")
    }
  }

  /// A learning rate beyond reason throws the decisions about: what it finds is not taken.
  @Test(arguments: [false, true])
  func `learned rounding that is no better than the nearest is not taken`(asymmetric: Bool) throws {
    let (graph, x) = (try perceptron(32, 24, 6), try correlatedRows(100, 32, seed: 9))
    let plan = WeightPlan(WeightScheme(.integer(bits: 8)))
    let wild = AdaRound(iterations: 3, learningRate: 500, asymmetric: asymmetric)
    let (learned, nearest) = try (
      wild(graph, plan, calibration: CalibrationBatches([x])), RoundToNearest(plan)(graph)
    )
    let pairs = zip(WeightLayer.all(in: learned), WeightLayer.all(in: nearest))
    #expect(try pairs.allSatisfy { try $0.weight.value.doubles() == $1.weight.value.doubles() })
  }

  @Test(arguments: [false, true])
  func `adaround tells of a layer that sees only zeros`(asymmetric: Bool) throws {
    let float = try perceptron(8, 6, 2)
    let rounded = try AdaRound(iterations: 5, asymmetric: asymmetric)(
      float, Self.int3, calibration: CalibrationBatches([Tensor.zeros([16, 8])]))
    #expect(rounded.log.last?.refused.map(\.node) == ["linear"])
    #expect(rounded.log.last?.matched == ["linear_2"])
    #expect(try areOnTheirGrids(rounded))
  }

  @Test func `adaround leaves pruned weights at 0 and counts on that`() throws {
    let (float, x) = (try perceptron(32, 24, 6), try correlatedRows(300, 32, seed: 9))
    for layer in WeightLayer.all(in: float) {
      let sizes = try layer.weight.value.doubles().map(abs)
      try layer.weight.constrain(Mask(keep: MagnitudePruning.keepLargest([sizes], 0.7)[0]))
    }
    let y = try evaluate(float, x)
    let layer = WeightLayer.all(in: float)[0]
    let (quantizer, mask) = (
      try Self.int3.quantizer(for: layer), try #require(layer.weight.constraint(Mask.self))
    )
    var hessian = LayerHessian(layer)
    try hessian.add(x)
    let learned = try #require(
      try AdaRound(iterations: 200).round(
        layer.weight.value, WeightCodes(quantizer, layer.weight.value.shape), groups: 1, keep: mask.keep,
        AdaRound.objective(layer.weight.value, hessian, groups: 1)))
    try mask.check(learned)
    let (error, nearest) = (
      try squaredError(evaluate(AdaRound()(float, Self.int3, calibration: CalibrationBatches([x])), x), y),
      try squaredError(evaluate(RoundToNearest(Self.int3)(float), x), y)
    )
    #expect(error < nearest, "\(error) after \(nearest)")
  }

  // MARK: Scales

  @Test func `zero points are those of half-quadratic minimisation as it is written`() throws {
    let golden = try MethodGolden.read().hqq
    let weights = wave([64], 2.3, size: 0.2).map { $0 * $0 * $0 + 0.002 }
    let zero = HQQ().zero(weights, scale: golden.scale, zero: golden.start, codes: -8...7)
    #expect(abs(zero - golden.zero) < 1e-6)
    #expect(golden.zero != golden.start)
  }

  /// Weights of normal distributions with a few outliers: the p-norm is what half-quadratic minimisation lowers.
  @Test(arguments: [
    WeightScheme(.integer(bits: 4), .group(64), isSymmetric: false), WeightScheme(.integer(bits: 3)),
    WeightScheme(.integer(bits: 4), .tensor),
  ])
  func `hqq lowers the p-norm of the error of weights with outliers`(scheme: WeightScheme) throws {
    let weight = try normalTensor([16, 128], seed: 1, size: 0.05)
    for i in stride(from: 0, to: weight.count, by: 61) { weight.floats[i] *= 5 }
    func norm(_ quantizer: WeightQuantizer) throws -> Double {
      try zip(quantizer.dequantized(weight).doubles(), weight.doubles()).reduce(0) {
        $0 + abs($1.0 - $1.1).squareRoot()
      }
    }
    let found = try HQQ().quantizer(for: weight, scheme)
    #expect(found.isOf(scheme))
    #expect(try norm(found) < 0.95 * norm(WeightQuantizer(weight: weight, scheme: scheme)))
  }

  @Test(arguments: [
    WeightScheme(.integer(bits: 4)), WeightScheme(.integer(bits: 4), .group(32), isSymmetric: false),
    WeightScheme(.integer(bits: 4), .tensor), WeightScheme(.integer(bits: 4), powerOfTwo: true),
    WeightScheme(.integer(bits: 8)),
  ])
  func `scales of least error have no more of it than those of the extremes`(scheme: WeightScheme) throws {
    let weight = try normalTensor([8, 128], seed: 1)
    weight.floats[5] = 9
    let graph = try Chain.graph(Tensor.zeros([1, 128]), [("weight", weight)]) { p, x in
      try Linear().apply([x, p[0].value])
    }
    let layer = try #require(WeightLayer.all(in: graph).first)
    let (full, best) = (
      try WeightPlan(scheme).quantizer(for: layer),
      try WeightPlan(scheme, observer: .mse).quantizer(for: layer)
    )
    #expect(best.isOf(scheme))
    let (before, after) = (
      try squaredError(full.dequantized(weight), weight), try squaredError(best.dequantized(weight), weight)
    )
    #expect(after <= 1.0001 * before, "\(after) after \(before)")
    // Under one scale for all, the outlier costs every other weight its precision.
    if scheme.granularity == .tensor { #expect(after < 0.5 * before, "\(after) after \(before)") }
  }

  @Test func `an all-zero channel keeps its place`() throws {
    let weight = try normalTensor([4, 32], seed: 1)
    for i in 0..<32 { weight.floats[i] = 0 }
    for scheme in [
      WeightScheme(.integer(bits: 4)), WeightScheme(.integer(bits: 4), .group(16), isSymmetric: false),
    ] {
      let quantizer = try HQQ().quantizer(for: weight, scheme)
      #expect(try quantizer.dequantized(weight).array(Float.self).prefix(32).allSatisfy { $0 == 0 })
    }
  }
}
