import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct GPTQTests {
  private static let int4 = WeightPlan(WeightScheme(.integer(bits: 4)))

  /// The inputs of the golden case: [400, 150].
  private func goldenInputs() throws -> Tensor {
    let (base, sizes, shift) = (wave([400, 150], 0.37), wave([150], 0.9), wave([400, 1], 0.011))
    return try Tensor(
      [400, 150], base.indices.map { Float(base[$0] * (1 + sizes[$0 % 150]) + 0.5 * shift[$0 / 150]) })
  }

  private func single(_ weight: Tensor) throws -> Graph {
    try Chain.graph(Tensor.zeros([1, weight.shape[1]]), [("weight", weight)]) { p, x in
      try Linear().apply([x, p[0].value])
    }
  }

  @Test func `codes are those of optimal brain quantization as it is written`() throws {
    let golden = try MethodGolden.read().gptq
    let graph = try GPTQ()(
      single(waveTensor([5, 150], 1.7)), Self.int4, calibration: CalibrationBatches([goldenInputs()]))
    let layer = try #require(WeightLayer.all(in: graph).first)
    let quantizer = try #require(layer.weight.constraint(WeightQuantizer.self))
    let codes = try quantizer.quantize(layer.weight.value).map { Int($0) }
    let different = zip(codes, golden.codes).filter { $0.0 != $0.1 }.count
    // The script's own error decides ties: a product in f32 may tip a number that lies halfway.
    #expect(different == 0, "\(different) of 750 differ")
    #expect(golden.differ_from_nearest > 50)
  }

  @Test(arguments: [
    WeightScheme(.integer(bits: 4)), WeightScheme(.integer(bits: 3), .group(32), isSymmetric: false),
    WeightScheme(.integer(bits: 4), .group(16)), WeightScheme(.integer(bits: 4), .tensor),
    WeightScheme(.ternary),
  ])
  func `results are nearer than with rounding to the nearest, and weights on their grids`(
    scheme: WeightScheme
  ) throws {
    let (float, x) = (try perceptron(64, 48, 10), try correlatedRows(400, 64, seed: 9))
    let plan = WeightPlan(scheme)
    let y = try evaluate(float, x)
    let nearest = try squaredError(evaluate(RoundToNearest(plan)(float), x), y)
    for (sequential, actOrder) in [(false, false), (false, true), (true, false)] {
      let rounded = try GPTQ(actOrder: actOrder)(
        float, plan, calibration: CalibrationBatches([x]), sequential: sequential)
      #expect(try areOnTheirGrids(rounded))
      let error = try squaredError(evaluate(rounded, x), y)
      #expect(
        error < 0.7 * nearest, "\(error) after \(nearest); sequential \(sequential), act order \(actOrder)")
    }
  }

  @Test(arguments: [1, 4])
  func `convolutions, with groups or without, gain as well`(groups: Int) throws {
    let x = try correlatedRows(6 * 36, 8, seed: 2).reshaped([6, 6, 6, 8]).permuted([0, 3, 1, 2]).contiguous()
    let graph = try Chain.graph(x, [("weight", normalTensor([8, 8 / groups, 3, 3], seed: 3))]) { p, x in
      try Conv2d(stride: 2, padding: 1, groups: groups).apply([x, p[0].value])
    }
    let plan = WeightPlan(WeightScheme(.integer(bits: 3)))
    let y = try evaluate(graph, x)
    let rounded = try GPTQ()(graph, plan, calibration: CalibrationBatches([x]))
    #expect(try areOnTheirGrids(rounded))
    let (error, nearest) = (
      try squaredError(evaluate(rounded, x), y), try squaredError(evaluate(RoundToNearest(plan)(graph), x), y)
    )
    // Channels of one group have less in common than all of them.
    #expect(error < (groups == 1 ? 0.5 : 0.96) * nearest, "\(error) after \(nearest)")
  }

  /// H of a convolution by its definition: sums over output positions of products of the numbers it reads.
  @Test func `the Hessian of a convolution is that of its patches`() throws {
    let x = try normalTensor([2, 4, 5, 4], seed: 1)
    let graph = try Chain.graph(x, [("weight", normalTensor([6, 2, 2, 3], seed: 3))]) { p, x in
      try Conv2d(stride: Size2d(2, 1), padding: Padding2d(top: 1, left: 0, bottom: 0, right: 1), groups: 2)
        .apply([x, p[0].value])
    }
    let layer = try #require(WeightLayer.all(in: graph).first)
    var hessian = LayerHessian(layer)
    try hessian.add(x)
    let values = try x.doubles()
    func pixel(_ n: Int, _ c: Int, _ h: Int, _ w: Int) -> Double {
      h < 0 || h >= 5 || w < 0 || w >= 4 ? 0 : values[((n * 4 + c) * 5 + h) * 4 + w]
    }
    for group in 0..<2 {
      var expected = SquareMatrix(size: 12)
      for n in 0..<2 {
        for h in 0..<3 {
          for w in 0..<3 {
            let patch = (0..<12).map { pixel(n, group * 2 + $0 / 6, h * 2 - 1 + $0 % 6 / 3, w + $0 % 3) }
            for i in 0..<12 { for j in 0..<12 { expected[i, j] += patch[i] * patch[j] } }
          }
        }
      }
      for (a, b) in zip(hessian.matrices[group].values, expected.values) { #expect(abs(a - b) < 1e-5) }
    }
    #expect(hessian.rows == 18)
  }

  /// What is moved into pruned weights is lost, as they stay 0.
  @Test func `pruned weights stay 0, and those that live make up for it`() throws {
    let (weight, x) = (try normalTensor([120, 64], seed: 5), try correlatedRows(400, 64, seed: 9))
    let mask = Mask(keep: MagnitudePruning.keepLargest([try weight.doubles().map(abs)], 0.5)[0])
    try mask.enforce(on: weight)
    func rounded(_ graph: Graph) throws -> Tensor {
      let result = try GPTQ()(graph, Self.int4, calibration: CalibrationBatches([x]))
      return try #require(WeightLayer.all(in: result).first).weight.value
    }
    let (pruned, dense) = (try single(weight), try single(weight))
    try #require(WeightLayer.all(in: pruned).first).weight.constrain(mask)
    let found = try rounded(pruned)
    try mask.check(found)
    let forgotten = try rounded(dense).copy()
    try mask.enforce(on: forgotten)
    func error(_ other: Tensor) throws -> Double {
      try squaredError(x.matmul(other.transposed()), x.matmul(weight.transposed()))
    }
    #expect(try error(found) < 0.8 * error(forgotten))
  }

  @Test func `an input that is always 0 is rounded to the nearest and disturbs nothing`() throws {
    let x = try correlatedRows(100, 16, seed: 4)
    for row in 0..<100 { x.floats[row * 16 + 5] = 0 }
    let weight = try normalTensor([3, 16], seed: 5)
    let graph = try GPTQ()(single(weight), Self.int4, calibration: CalibrationBatches([x]))
    let layer = try #require(WeightLayer.all(in: graph).first)
    let nearest = try #require(layer.weight.constraint(WeightQuantizer.self)).dequantized(weight)
    for row in 0..<3 {
      #expect(
        try layer.weight.value.array(Float.self)[row * 16 + 5] == nearest.array(Float.self)[row * 16 + 5])
    }
  }

  @Test func `a layer that sees only zeros is rounded to the nearest, and the log says so`() throws {
    let weight = try normalTensor([3, 16], seed: 5)
    let graph = try GPTQ()(
      single(weight), Self.int4, calibration: CalibrationBatches([Tensor.zeros([8, 16])]))
    let layer = try #require(WeightLayer.all(in: graph).first)
    let nearest = try #require(layer.weight.constraint(WeightQuantizer.self)).dequantized(weight)
    #expect(try layer.weight.value.array(Float.self) == nearest.array(Float.self))
    #expect(graph.log.last?.refused.first?.reason.contains("rounded to the nearest") == true)
  }

  @Test func `fewer rows than columns are enough`() throws {
    let x = try correlatedRows(10, 64, seed: 4)
    let graph = try GPTQ()(
      single(normalTensor([3, 64], seed: 5)), Self.int4, calibration: CalibrationBatches([x]))
    #expect(graph.log.last?.refused.isEmpty == true)
    #expect(try areOnTheirGrids(graph))
  }

  @Test func `static quantization keeps the codes, and the model its weights`() throws {
    let (float, x) = (try perceptron(64, 48, 10), try correlatedRows(200, 64, seed: 9))
    let before = try float.weights.map { try $0.value.array(Float.self) }
    let rounded = try GPTQ()(float, Self.int4, calibration: CalibrationBatches([x]))
    let int4 = try StaticQuantization(weights: Self.int4.weights)(rounded, calibration: [x])
    for (a, b) in zip(WeightLayer.all(in: rounded), int4.weights.filter { $0.value.rank == 2 }) {
      let quantizer = try #require(b.constraint(WeightQuantizer.self))
      #expect(quantizer == a.weight.constraint(WeightQuantizer.self))
      #expect(try quantizer.quantize(b.value) == quantizer.quantize(a.weight.value))
    }
    #expect(try float.weights.map { try $0.value.array(Float.self) } == before)
  }

  @Test func `progress names each layer and can stop the work`() throws {
    struct Stop: Error {}
    let (float, x) = (try perceptron(64, 48, 10), try correlatedRows(50, 64, seed: 9))
    var seen: [Int] = []
    _ = try GPTQ()(float, Self.int4, calibration: CalibrationBatches([x]), sequential: true) {
      done, total, _ in
      seen.append(done)
      #expect(total == 2)
    }
    #expect(seen == [0, 1, 2])
    #expect(throws: Stop.self) {
      try GPTQ()(float, Self.int4, calibration: CalibrationBatches([x])) { _, _, _ in throw Stop() }
    }
  }
}
