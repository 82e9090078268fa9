import TestSupport
import Testing

@testable import Tensors

@Suite struct DistillationLossTests {
  @Test(arguments: [(1, 0.5), (4, 0.7), (2, 1), (3, 0)] as [(Double, Double)])
  func gradient(temperature: Double, alpha: Double) throws {
    let teacher = try Tensor([3, 4], (0..<12).map { Double($0 * 5 % 7) / 2 - 1 })
    let targets = try Tensor([3], [Int64(0), 3, 2])
    try expectGradient(
      of: DistillationLoss(temperature: temperature, alpha: alpha), [3, 4], [3, 4], [3],
      fixed: [1: teacher, 2: targets], single: false)
  }

  /// Figures of PyTorch's kl_div (batchmean) and cross_entropy in double precision.
  @Test(arguments: [DType.f32, .f64], [(4, 0.7, 0.9418660095574216), (1, 1, 0.36453420863758046)])
  func isTheMeanOverTheBatch(dtype: DType, expected: (temperature: Double, alpha: Double, loss: Double))
    throws
  {
    let student = try Tensor.from([1, 2, -1, 0.5, 0, 3], [2, 3], dtype)
    let teacher = try Tensor.from([0, 3, 1, -2, 0.5, 1], [2, 3], dtype)
    let loss = try DistillationLoss(temperature: expected.temperature, alpha: expected.alpha)(
      student, teacher, Tensor([2], [Int64(1), 0]))
    #expect(abs(try loss.item() - expected.loss) < 1e-5)
  }

  @Test func singlePrecisionAgreesWithDoubleForManyClasses() throws {
    var generator = Generator(seed: 4)
    let (s, t) = (
      (0..<210).map { _ in 3 * generator.normal() }, (0..<210).map { _ in 3 * generator.normal() }
    )
    func run(_ dtype: DType) throws -> [Double] {
      let student = try Tensor.from(s, [6, 35], dtype)
      student.requiresGrad = true
      let loss = try DistillationLoss(temperature: 2, alpha: 0.6)(
        student, .from(t, [6, 35], dtype), Tensor([6], (0..<6).map { Int64($0 * 6) }))
      try loss.backward()
      return try [loss.item()] + #require(student.grad).doubles()
    }
    for (single, double) in zip(try run(.f32), try run(.f64)) {
      #expect(abs(single - double) < 1e-5 * max(1, abs(double)))
    }
  }

  @Test(arguments: [DType.f32, .f64])
  func aTeacherThatIsNotANumberShows(dtype: DType) throws {
    let student = try Tensor([1, 3], [Float(0), 1, 2]).converted(to: dtype)
    let teacher = try Tensor([1, 3], [Float.nan, 1, 2]).converted(to: dtype)
    let loss = try DistillationLoss(temperature: 4, alpha: 0.9)(student, teacher, Tensor([1], [Int64(0)]))
    #expect(try loss.item().isNaN)
  }

  @Test func refusesAnAlphaOutsideOfItsRange() {
    let error = #expect(throws: ShapeError.self) {
      try DistillationLoss(temperature: 1, alpha: 2).shape(of: [[1, 2], [1, 2], [1]])
    }
    #expect(error?.description == "distillation_loss: alpha must be from 0 to 1 (got 2.0)")
  }

  @Test func refusesATargetThatIsNoClass() throws {
    let error = #expect(throws: ShapeError.self) {
      try DistillationLoss(temperature: 1, alpha: 1)(.ones([1, 3]), .ones([1, 3]), Tensor([1], [Int64(3)]))
    }
    #expect(
      error?.description == "distillation_loss: target 3 is not a class: logits [1, 3] have classes 0 to 2")
  }
}
