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
    #expect(mean.storage.version == 0)
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
