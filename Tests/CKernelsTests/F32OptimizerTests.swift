import CKernels
import Foundation
import Testing

/// PyTorch's formulas (torch.optim.SGD, Adam, AdamW), one number at a time in double precision.
@Suite struct F32OptimizerTests {
  private let n = 101

  @Test(arguments: [(0.0, 0.0, false), (0.9, 0, false), (0.9, 0.2, false), (0.9, 0, true)])
  func sgdAgreesWithTheFormula(momentum: Double, dampening: Double, nesterov: Bool) {
    var p = randomFloats(n, seed: 1), buffer = [Float](repeating: .nan, count: n)
    var truth = p.map(Double.init), velocity = [Double](repeating: 0, count: n)
    for step in 0..<5 {
      let gradient = randomFloats(n, seed: 10 + UInt64(step))
      var options = qk_f32_sgd_options(
        learning_rate: 0.1, momentum: momentum, dampening: dampening, weight_decay: 0.05, nesterov: nesterov,
        first_step: step == 0)
      qk_f32_sgd(n, &options, gradient, &buffer, &p)
      for i in 0..<n {
        var g = Double(gradient[i]) + 0.05 * truth[i]
        if momentum != 0 {
          velocity[i] = step == 0 ? g : momentum * velocity[i] + (1 - dampening) * g
          g = nesterov ? g + momentum * velocity[i] : velocity[i]
        }
        truth[i] -= 0.1 * g
      }
    }
    #expect(largestError(p, truth) < 1e-6)
  }

  @Test(arguments: [false, true])
  func adamAgreesWithTheFormula(decoupled: Bool) {
    var p = randomFloats(n, seed: 2), first = [Float](repeating: 0, count: n), second = first
    var truth = p.map(Double.init), m = [Double](repeating: 0, count: n), v = m
    for step in 1...5 {
      let gradient = randomFloats(n, seed: 20 + UInt64(step))
      var options = qk_f32_adam_options(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, decoupled: decoupled,
        step: Int64(step))
      qk_f32_adam(n, &options, gradient, &first, &second, &p)
      for i in 0..<n {
        if decoupled { truth[i] *= 1 - 0.01 * 0.1 }
        let g = Double(gradient[i]) + (decoupled ? 0 : 0.1 * truth[i])
        m[i] += (g - m[i]) * (1 - 0.9)
        v[i] = 0.999 * v[i] + (1 - 0.999) * g * g
        let rate = 0.01 / (1 - pow(0.9, Double(step)))
        truth[i] -= rate * m[i] / ((v[i] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8)
      }
    }
    #expect(largestError(p, truth) < 1e-6)
  }

  @Test func plainDescentNeedsNoBuffer() {
    var p: [Float] = [1, 2]
    var options = qk_f32_sgd_options(
      learning_rate: 0.5, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false, first_step: true)
    qk_f32_sgd(2, &options, [1, -1], nil, &p)
    #expect(p == [0.5, 2.5])
  }
}
