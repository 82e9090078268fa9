import TestSupport
import Testing

@testable import Tensors

@Suite struct GroupNormTests {
  @Test(arguments: [[2, 4, 3], [2, 4, 2, 2], [3, 4, 2, 1, 3], [3, 4]] as [Shape])
  func gradient(x: Shape) throws {
    let op = GroupNorm(groups: 2)
    try expectGradient(of: op, x, tolerance: 1e-5)
    try expectGradient(of: op, x, [4], [4], tolerance: 1e-5)
  }

  @Test func gradientOfEveryChannelAlone() throws {
    try expectGradient(of: InstanceNorm(), [2, 3, 4], [3], [3], tolerance: 1e-5)
    try expectGradient(of: InstanceNorm(), [2, 3, 2, 3], tolerance: 1e-5)
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func computesWhatPyTorchDoes(dtype: DType) throws {
    let x = try pattern([2, 4, 3], dtype)
    let (weight, bias) = (
      try Tensor.from([1, 2, -1, 0.5], [4], dtype), try Tensor.from([0, 1, 2, -1], [4], dtype)
    )
    #expect(
      try matches(
        GroupNorm(groups: 2)(x, weight, bias),
        [
          -1.39305145, 0.69652572, -0.49751837, 4.18411759, 1.7960294, -0.5920588, 0.63803079, 1.84867009,
          3.05930939,
          -0.47034531, -1.07566496, -1.68098461, 0.286299, -1.08793619, 1.31697539, 0.8854804, -1.86298998,
          2.94683319, 1.713701, 3.08793619, 0.68302461, -1.0286299, -1.7157475, -0.5132917,
        ]))
    #expect(
      try matches(
        InstanceNorm()(x, weight, bias),
        [
          -1.16247568, 1.27872325, -0.11624757, 3.44948859, 1.0, -1.44948859, 0.7752557, 2.0, 3.2247443,
          -0.38762785,
          -1.0, -1.61237215, 0.11624757, -1.27872325, 1.16247568, 1.23249514, -1.5574465, 3.32495136,
          1.88375243,
          3.27872325, 0.83752432, -0.94187622, -1.63936162, -0.41876216,
        ]))
  }

  @Test func keepsTheFormatAndItsNumbers() throws {
    let x = try pattern([2, 40, 9, 7], .f32)
    let plain = try GroupNorm(groups: 8)(x)
    #expect(plain.format == .contiguous)
    let last = try GroupNorm(groups: 8)(x.channelsLast())
    #expect(try last.format == .channelsLast && matches(last, plain.doubles()))
    let folded = try x.reshaped([2, 40, 63])
    #expect(try GroupNorm(groups: 8)(folded).doubles() == plain.doubles())
  }

  /// Those of fp32 lying in either way, and those of double precision, which the differences check.
  @Test(arguments: [1, 4, 12]) func gradientsAgreeForEveryFormat(groups: Int) throws {
    let shapes: [Shape] = [[3, 12, 5, 7], [12], [12]]
    func gradients(_ dtype: DType, _ format: MemoryFormat) throws -> [[Double]] {
      let inputs = try shapes.enumerated().map { i, shape in
        try pattern(shape, dtype, a: 7 + 2 * i, m: 23, o: 9, d: 8).copy(format: i == 0 ? format : .contiguous)
      }
      for input in inputs { input.requiresGrad = true }
      let y = try GroupNorm(groups: groups).apply(inputs)
      try y.backward(from: pattern(y.shape, dtype, a: 5, m: 17, o: 8, d: 4))
      return try inputs.map { try #require($0.grad).doubles() }
    }
    let truth = try gradients(.f64, .contiguous)
    for format in [MemoryFormat.contiguous, .channelsLast] {
      for (values, exact) in try zip(gradients(.f32, format), truth) {
        #expect(zip(values, exact).allSatisfy { abs($0 - $1) <= 2e-5 * max(1, abs($1)) }, "\(format)")
      }
    }
  }

  @Test(
    arguments: [
      ([[2, 4, 3], [3]], "input [2, 4, 3] has 4 channels, weight is [3]"),
      ([[2, 5, 3]], "input [2, 5, 3] has 5 channels, which do not divide into 2 groups"),
      ([[5]], "input must be [N, C, ...], got [5]"),
      ([[2, 4, 0]], "input [2, 4, 0] has nothing to normalise over"),
    ] as [([Shape], String)])
  func explains(shapes: [Shape], problem: String) {
    let error = #expect(throws: ShapeError.self) { try GroupNorm(groups: 2).shape(of: shapes) }
    #expect(error?.description == "group_norm: " + problem)
  }
}
