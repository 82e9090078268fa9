import TestSupport
import Testing

@testable import Tensors

@Suite struct BatchNormTests {
  private func statistics(_ dtype: DType = .f64) throws -> [Int: Tensor] {
    [3: try .from([0.1, -0.2, 0.3], [3], dtype), 4: try .from([0.5, 1, 2], [3], dtype)]
  }

  @Test(arguments: [[4, 3], [2, 3, 2, 3]] as [Shape], [true, false])
  func gradient(x: Shape, training: Bool) throws {
    let op = BatchNorm(training: training)
    try expectGradient(of: op, x, [3], [3], [3], [3], fixed: try statistics(), single: false, tolerance: 1e-5)
  }

  @Test(arguments: [true, false])
  func singlePrecisionAgreesWithDouble(training: Bool) throws {
    var generator = Generator(seed: 3)
    let values = (0..<36).map { _ in generator.normal() }
    func run(_ dtype: DType) throws -> [[Double]] {
      let x = try Tensor.from(values, [2, 3, 2, 3], dtype)
      let (scale, bias) = (try Tensor.from([1, 2, -1], [3], dtype), try Tensor.from([0, 1, 2], [3], dtype))
      for t in [x, scale, bias] { t.requiresGrad = true }
      let running = try statistics(dtype)
      let y = try BatchNorm(training: training)(x, scale, bias, running[3]!, running[4]!)
      try Sum(axes: [0, 1, 2, 3])(Mul()(y, Mul()(y, y))).backward()
      return try [y, x.grad!, scale.grad!, bias.grad!, running[3]!, running[4]!].map { try $0.doubles() }
    }
    for (single, double) in zip(try run(.f32).joined(), try run(.f64).joined()) {
      #expect(abs(single - double) <= 1e-4 * max(1, abs(double)))
    }
  }

  /// Expected numbers computed with NumPy.
  @Test(arguments: [DType.f32, .f64])
  func normalizesTheBatchAndMovesTheRunningStatistics(dtype: DType) throws {
    let x = try Tensor.from([1, 2, 4, 3, -1, 2], [2, 3], dtype)
    let (mean, variance) = (try Tensor.zeros([3], dtype), try Tensor.ones([3], dtype))
    let y = try BatchNorm(training: true)(x, .ones([3], dtype), .zeros([3], dtype), mean, variance)
    let expected = [-0.999995, 0.99999778, 0.999995, 0.999995, -0.99999778, -0.999995]
    for (a, b) in zip(try y.doubles(), expected) { #expect(abs(a - b) < 1e-6) }
    for (a, b) in zip(try mean.doubles() + variance.doubles(), [0.2, 0.05, 0.3, 1.1, 1.35, 1.1]) {
      #expect(abs(a - b) < 1e-6)
    }
    #expect(mean.storage.changed == 0)
  }

  @Test(arguments: [true, false], [true, false])
  func gradientThroughReluAndASum(training: Bool, side: Bool) throws {
    let op = BatchNorm(training: training, relu: true)
    let x: Shape = [2, 3, 2, 3]
    if side {
      try expectGradient(
        of: op, x, [3], [3], [3], [3], x, fixed: try statistics(), single: false, tolerance: 1e-5)
    } else {
      try expectGradient(
        of: op, x, [3], [3], [3], [3], fixed: try statistics(), single: false, tolerance: 1e-5)
    }
  }

  /// One pass over memory, and the same bits as batch norm, sum and relu one after the other.
  @Test(arguments: [(true, true), (true, false), (false, true), (false, false)], [1, 3, 16, 70])
  func isTheSameAsItsPartsToTheLastBit(mode: (training: Bool, side: Bool), channels: Int) throws {
    let (training, side) = mode
    var generator = Generator(seed: 5)
    func random(_ shape: Shape) throws -> Tensor {
      try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
    }
    let shape: Shape = [4, channels, 5, 3]
    let values = try [random(shape), random([channels]), random([channels]), random(shape), random(shape)]
    func run(_ compute: ([Tensor], Tensor) throws -> Tensor) throws -> [[Float]] {
      let leaves = try values.dropLast().map { try $0.copy() }
      for leaf in leaves { leaf.requiresGrad = true }
      let norm = try Array(leaves[..<3]) + [.zeros([channels]), .ones([channels])]
      let y = try compute(norm, leaves[3])
      try y.backward(from: values[4])
      let gradients = try leaves.dropLast(side ? 0 : 1).map { try #require($0.grad) }
      return try ([y] + gradients).map { try $0.array(Float.self) }
    }
    let fused = try run { norm, other in
      try BatchNorm(training: training, relu: true).apply(norm + (side ? [other] : []))
    }
    let parts = try run { norm, other in
      let y = try BatchNorm(training: training).apply(norm)
      return try Relu()(side ? Add()(y, other) : y)
    }
    #expect(fused == parts)
  }

  @Test func modeChoosesTheStatistics() throws {
    let op = BatchNorm(epsilon: 0, momentum: 0.5).mode(training: true)
    #expect((op as? BatchNorm)?.isTraining == true)
    #expect((op.mode(training: false) as? BatchNorm)?.momentum == 0.5)
  }

  @Test func refusesOneValuePerChannelInTraining() {
    let error = #expect(throws: ShapeError.self) {
      try BatchNorm(training: true).shape(of: [[1, 3], [3], [3], [3], [3]])
    }
    #expect(
      error?.description
        == "batch_norm: needs more than one value per channel in training, input [1, 3] has one; use larger batches"
    )
  }

  @Test func namesTheInputThatDoesNotFit() {
    let error = #expect(throws: ShapeError.self) { try BatchNorm().shape(of: [[2, 3], [3], [4], [3], [3]]) }
    #expect(error?.description == "batch_norm: input [2, 3] has 3 channels, bias is [4]")
  }
}
