import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct WeightQuantizationTests {
  static let schemes: [WeightScheme] = [
    WeightScheme(), WeightScheme(.integer(bits: 4), .group(32)),
    WeightScheme(.integer(bits: 4), .group(16), isSymmetric: false),
    WeightScheme(.integer(bits: 3), .group(64)),
    WeightScheme(.integer(bits: 2), .group(16), isSymmetric: false), WeightScheme(isSymmetric: false),
    WeightScheme(.integer(bits: 6), .tensor), WeightScheme(.ternary), WeightScheme(.binary, .group(128)),
  ]

  private func normal(_ shape: Shape, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
  }

  /// The product with the rounded weights, and for dynamic activations with rows rounded to 127ths of their largest.
  @Test(arguments: schemes, [false, true])
  func multipliesWithTheNumbersBehindTheCodes(scheme: WeightScheme, isDynamic: Bool) throws {
    let (x, weight, bias) = (
      try normal([5, 3, 75], seed: 1), try normal([20, 75], seed: 2), try normal([20], seed: 3)
    )
    let quantizer = try WeightQuantizer(weight: weight, scheme: scheme)
    let y = try LowBitLinear(quantizer, isDynamic: isDynamic).apply([x, weight, bias]).doubles()
    let rounded = isDynamic ? try roundedRows(x) : x
    let expected = try Linear().apply([rounded, quantizer.dequantized(weight), bias]).doubles()
    for (a, b) in zip(y, expected) { #expect(abs(a - b) < 1e-4) }
  }

  private func roundedRows(_ x: Tensor) throws -> Tensor {
    let values = try x.array(Float.self)
    let rows = stride(from: 0, to: values.count, by: 75).flatMap { first -> [Float] in
      let row = values[first..<first + 75]
      let scale = row.map(abs).max()! / 127
      return row.map { ($0 / scale).rounded(.toNearestOrEven) * scale }
    }
    return try Tensor(x.shape, rows)
  }

  @Test(arguments: schemes)
  func looksUpRowsOfItsTable(scheme: WeightScheme) throws {
    let weight = try normal([9, 40], seed: 1)
    let quantizer = try WeightQuantizer(weight: weight, scheme: scheme)
    let indices = try Tensor([2, 3], [Int64(0), 8, 3, 3, 1, 5])
    let y = try LowBitEmbedding(quantizer).apply([weight, indices])
    let expected = try Embedding().apply([quantizer.dequantized(weight), indices])
    #expect(try y.array(Float.self) == expected.array(Float.self))
    let error = #expect(throws: ShapeError.self) {
      try LowBitEmbedding(quantizer).apply([weight, Tensor([1], [Int64(9)])])
    }
    #expect(error?.description.contains("index 9 lies outside of a table of 9 rows") == true)
  }

  @Test func gradientsPassStraightThrough() throws {
    let (x, weight) = (try normal([4, 32], seed: 1), try normal([6, 32], seed: 2))
    let quantizer = try WeightQuantizer(weight: weight, scheme: WeightScheme(.integer(bits: 4)))
    func gradients(_ op: any Op, _ w: Tensor) throws -> [[Double]] {
      let leaves = [x.detached(), w.detached()]
      for leaf in leaves { leaf.requiresGrad = true }
      try Sum(axes: [0, 1])(op.apply(leaves).square()).backward()
      return try leaves.map { try #require($0.grad).doubles() }
    }
    let a = try gradients(LowBitLinear(quantizer, isDynamic: false), weight)
    let b = try gradients(Linear(), quantizer.dequantized(weight))
    for (a, b) in zip(a.joined(), b.joined()) { #expect(abs(a - b) < 1e-3 * max(1, abs(b))) }
  }

  @Test func leavesConvolutionsAndNamedLayers() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [normal([2, 2, 8, 8], seed: 1)])
    let low = try WeightQuantization(weights: WeightScheme(.integer(bits: 4)), activations: .float)(graph)
    #expect(low.order.contains { low.operation($0)?.op is Conv2d })
    #expect(low.order.contains { low.operation($0)?.op is LowBitLinear })
    let encoder = try Graph(capturing: EncoderNet(seed: 1), [normal([2, 6, 16], seed: 1)])
    let some = try WeightQuantization(activations: .dynamic, layers: ["first": .float])(encoder)
    #expect(some.order.count { some.operation($0)?.op is LowBitLinear } == 6)
    #expect(some.order.count { some.operation($0)?.op is Linear } == 1)
  }

  @Test func saysThatActivationsAreNotFinite() throws {
    let weight = try normal([4, 16], seed: 2)
    let op = LowBitLinear(try WeightQuantizer(weight: weight), isDynamic: true)
    let x = try Tensor([1, 16], [Float](repeating: .infinity, count: 16))
    let error = #expect(throws: ShapeError.self) { try op.apply([x, weight]) }
    #expect(error?.description.contains("NaN or infinite, which has no 8 bits") == true)
  }

  /// Zeros of a pruned weight stay zeros on every grid that has one.
  @Test(arguments: schemes.dropLast())
  func prunedWeightsStayZero(scheme: WeightScheme) throws {
    let linear = try LinearLayer(40, 8)
    _ = try MagnitudePruning.apply(to: linear, sparsity: 0.6)
    let graph = try Graph(capturing: linear, [normal([2, 40], seed: 1)])
    let low = try WeightQuantization(weights: scheme, activations: .float)(graph)
    let weight = try #require(low.weights.first { $0.value.rank == 2 })
    let mask = try #require(weight.constraint(Mask.self))
    try mask.check(#require(weight.constraint(WeightQuantizer.self)).dequantized(weight.value))
  }

  @Test func prunedWeightsCannotBeBinary() throws {
    let linear = try LinearLayer(40, 8)
    _ = try MagnitudePruning.apply(to: linear, sparsity: 0.6)
    let graph = try Graph(capturing: linear, [normal([2, 40], seed: 1)])
    let error = #expect(throws: ShapeError.self) {
      try WeightQuantization(weights: WeightScheme(.binary), activations: .float)(graph)
    }
    #expect(error?.description.contains("its weights are pruned, and binary ones cannot be 0") == true)
  }
}
