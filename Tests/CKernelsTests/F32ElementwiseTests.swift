import CKernels
import Foundation
import Testing

private typealias Unary = @convention(c) (Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void

@Suite struct F32ElementwiseTests {
  /// Every 4,099th float there is: all exponents, both signs, NaNs, infinities, denormals.
  private static let everyKind = stride(from: UInt32(0), to: .max - 4_099, by: 4_099).map {
    Float(bitPattern: $0)
  }

  private func worst(_ kernel: Unary, _ truth: (Double) -> Double) -> (ulps: Double, at: Float) {
    let x = Self.everyKind
    var y = x
    kernel(x.count, x, &y)
    let errors = zip(x, y).map { ulps($1, from: truth(Double($0))) }
    let at = errors.indices.max { errors[$0] < errors[$1] } ?? 0
    return (errors[at], x[at])
  }

  @Test func elementaryFunctionsAreWithinTwoAndAHalfUnitsInTheLastPlace() {
    let kernels: [(name: String, kernel: Unary, truth: (Double) -> Double)] = [
      ("exp", qk_f32_exp, exp), ("log", qk_f32_log, log), ("tanh", qk_f32_tanh, tanh),
      ("erf", qk_f32_erf, erf),
      ("sigmoid", qk_f32_sigmoid, { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) }),
      ("rsqrt", qk_f32_rsqrt, { 1 / $0.squareRoot() }),
    ]
    for (name, kernel, truth) in kernels {
      let worst = worst(kernel, truth)
      #expect(worst.ulps <= 2.5, "\(name)(\(worst.at)) is \(worst.ulps) units off")
    }
  }

  @Test func exactOperationsAreCorrectlyRounded() {
    let kernels: [(name: String, kernel: Unary, truth: (Float) -> Float)] = [
      ("sqrt", qk_f32_sqrt, { $0.squareRoot() }), ("square", qk_f32_square, { $0 * $0 }),
      ("reciprocal", qk_f32_reciprocal, { 1 / $0 }), ("neg", qk_f32_neg, { -$0 }),
      ("abs", qk_f32_abs, { abs($0) }),
      ("relu", qk_f32_relu, { $0 <= 0 ? 0 : $0 }),
    ]
    let x = Self.everyKind
    for (name, kernel, truth) in kernels {
      var y = x
      kernel(x.count, x, &y)
      #expect(bits(y) == bits(x.map(truth)), "\(name)")
    }
  }

  @Test func activationsAgreeWithTheirFormulas() {
    func gelu(_ x: Double) -> Double { x / 2 * (1 + erf(x / 2.0.squareRoot())) }
    func geluTanh(_ x: Double) -> Double {
      x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
    func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    func hardswish(_ x: Double) -> Double { x * min(max(x + 3, 0), 6) / 6 }
    func relu(_ x: Double) -> Double { max(0, x) }
    typealias Backward =
      @convention(c) (
        Int, UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
      ) -> Void
    let kernels: [(name: String, forward: Unary, backward: Backward, truth: (Double) -> Double)] = [
      ("gelu", qk_f32_gelu, qk_f32_gelu_backward, gelu),
      ("gelu_tanh", qk_f32_gelu_tanh, qk_f32_gelu_tanh_backward, geluTanh),
      ("silu", qk_f32_silu, qk_f32_silu_backward, silu),
      ("hardswish", qk_f32_hardswish, qk_f32_hardswish_backward, hardswish),
      ("relu", qk_f32_relu, qk_f32_relu_backward, relu),
    ]
    let x = randomFloats(1_001, seed: 1, in: -8...8), dy = randomFloats(1_001, seed: 2)
    for (name, forward, backward, truth) in kernels {
      var y = x, dx = x
      forward(x.count, x, &y)
      backward(x.count, dy, x, &dx)
      #expect(largestError(y, x.map { truth(Double($0)) }) < 1e-6, "\(name)")
      let slopes = x.indices.map { i -> Double in
        let v = Double(x[i])
        return Double(dy[i]) * (truth(v + 1e-6) - truth(v - 1e-6)) / 2e-6
      }
      #expect(largestError(dx, slopes) < 1e-5, "\(name)_backward")
    }
  }

  @Test func gradientsOfOutputsAgreeWithTheirFormulas() {
    let y = randomFloats(100, seed: 3, in: -1...1), dy = randomFloats(100, seed: 4)
    func expected(_ slope: (Double) -> Double) -> [Double] {
      y.indices.map { Double(dy[$0]) * slope(Double(y[$0])) }
    }
    var dx = y
    qk_f32_tanh_backward(100, dy, y, &dx)
    #expect(largestError(dx, expected { 1 - $0 * $0 }) < 1e-6)
    qk_f32_sigmoid_backward(100, dy, y, &dx)
    #expect(largestError(dx, expected { $0 * (1 - $0) }) < 1e-6)
    qk_f32_clip_backward(100, dy, y, -0.5, 0.25, &dx)
    let clipped = expected { $0 >= -0.5 && $0 <= 0.25 ? 1 : 0 }
    #expect(largestError(dx, clipped) == 0)
  }

  @Test func powAgreesWithTheMathLibraryInEverySpecialCase() {
    let special: [Float] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, 0x1p-140, -0x1p-140,
      3e38,
      8_388_609, -8_388_609, 16_777_216, 1e10,
    ]
    for x in special {
      for y in special {
        var result: Float = 7
        qk_f32_pow(1, 1, [x], 0, 0, [y], 0, 0, &result)
        let truth = pow(Double(x), Double(y))
        #expect(ulps(result, from: truth) <= 1, "pow(\(x), \(y)) = \(result), not \(truth)")
        if !truth.isNaN { #expect(result.sign == Float(truth).sign, "pow(\(x), \(y)) = \(result)") }
      }
    }
    let x = randomFloats(10_000, seed: 5, in: 0...20), y = randomFloats(10_000, seed: 6, in: -20...20)
    var z = x
    qk_f32_pow(1, x.count, x, 0, 1, y, 0, 1, &z)
    for i in x.indices { #expect(ulps(z[i], from: pow(Double(x[i]), Double(y[i]))) <= 1) }
  }

  @Test(arguments: [1, 3, 16, 50, 64, 130])
  func operandsBroadcastAlongRowsAndColumns(n: Int) {
    let rows = 70
    let a = randomFloats(rows * n, seed: 7), row = randomFloats(n, seed: 8),
      column = randomFloats(rows, seed: 9)
    var y = a
    qk_f32_sub(rows, n, a, n, 1, row, 0, 1, &y)
    #expect(y == a.indices.map { a[$0] - row[$0 % n] })
    qk_f32_sub(rows, n, row, 0, 1, a, n, 1, &y)
    #expect(y == a.indices.map { row[$0 % n] - a[$0] })
    qk_f32_div(rows, n, a, n, 1, column, 1, 0, &y)
    #expect(y == a.indices.map { a[$0] / column[$0 / n] })
    qk_f32_sub(rows, n, column, 1, 0, a, n, 1, &y)
    #expect(y == a.indices.map { column[$0 / n] - a[$0] })
    var inPlace = a
    qk_f32_mul(rows, n, inPlace, n, 1, row, 0, 1, &inPlace)
    #expect(inPlace == a.indices.map { a[$0] * row[$0 % n] })
  }

  @Test func maxMinReluAndClipPassANaNOn() {
    let a: [Float] = [.nan, 1, .nan], b: [Float] = [1, .nan, .nan]
    var y: [Float] = [7, 7, 7]
    let kernels = [qk_f32_max, qk_f32_min]
    for kernel in kernels {
      kernel(1, 3, a, 0, 1, b, 0, 1, &y)
      #expect(y.allSatisfy { $0.isNaN })
    }
    qk_f32_relu(3, a, &y)
    #expect(y[0].isNaN && y[1] == 1 && y[2].isNaN)
    qk_f32_clip(3, a, -0.5, 0.5, &y)
    #expect(y[0].isNaN && y[1] == 0.5 && y[2].isNaN)
  }

  @Test func comparisonsAndWhereSeeNaNAsIEEEDoes() {
    let a: [Float] = [1, 2, .nan, 0], b: [Float] = [2, 2, .nan, -0.0]
    var y: [UInt8] = [7, 7, 7, 7]
    qk_f32_less(1, 4, a, 0, 1, b, 0, 1, &y)
    #expect(y == [1, 0, 0, 0])
    qk_f32_equal(1, 4, a, 0, 1, b, 0, 1, &y)
    #expect(y == [0, 1, 0, 1])
    qk_f32_not_equal(1, 4, a, 0, 1, b, 0, 1, &y)
    #expect(y == [1, 0, 1, 0])
    qk_f32_greater_equal(1, 4, a, 0, 1, b, 0, 1, &y)
    #expect(y == [0, 1, 0, 1])
    var z: [Float] = [7, 7]
    qk_f32_where(2, [1, 0], [.nan, .nan], [1, 2], &z)
    #expect(z[0].isNaN && z[1] == 2)
  }

  @Test(arguments: [0, 1, 17, 64, 100])
  func allFiniteFindsASingleBadElementAnywhere(n: Int) {
    var x = randomFloats(n, seed: 10)
    #expect(qk_f32_all_finite(n, x))
    for i in 0..<n {
      let kept = x[i]
      x[i] = i % 2 == 0 ? .nan : -.infinity
      #expect(!qk_f32_all_finite(n, x), "element \(i)")
      x[i] = kept
    }
  }
}
