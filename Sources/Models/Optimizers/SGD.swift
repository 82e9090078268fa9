import CKernels
import Tensors

/// Stochastic gradient descent with momentum (Sutskever et al., "On the importance of initialization and
/// momentum", ICML 2013). With `g = gradient + weight_decay p`: `v = momentum v + (1 - dampening) g`, starting
/// from `v = g`; `p -= lr (nesterov ? g + momentum v : v)`.
public final class SGD: Optimizer {
  public let momentum, dampening, weightDecay: Double
  public let nesterov: Bool

  public init(
    _ parameters: [Parameter], learningRate: Double, momentum: Double = 0, dampening: Double = 0,
    weightDecay: Double = 0, nesterov: Bool = false
  ) throws {
    try Self.check(momentum, "momentum", of: "sgd")
    try Self.check(weightDecay, "weight_decay", of: "sgd")
    try require(
      !nesterov || (momentum > 0 && dampening == 0), "sgd",
      "nesterov needs a momentum above 0 and no dampening")
    (self.momentum, self.dampening, self.weightDecay) = (momentum, dampening, weightDecay)
    self.nesterov = nesterov
    try super.init(kind: "sgd", parameters, learningRate: learningRate)
  }

  override func update(_ value: Tensor, _ gradient: Tensor, _ buffers: inout [String: Tensor]) throws {
    let isFirst = buffers["momentum_buffer"]?.shape != value.shape
    let velocity = momentum == 0 ? nil : try Self.buffer("momentum_buffer", like: value, in: &buffers)
    if value.dtype == .f64 { return stepInDouble(value, gradient, velocity, isFirst) }
    let options = qk_f32_sgd_options(
      learning_rate: learningRate, momentum: momentum, dampening: dampening, weight_decay: weightDecay,
      nesterov: nesterov, first_step: isFirst)
    withUnsafePointer(to: options) { options in
      ThreadTeam.divide(value.count) { part in
        let first = part.lowerBound
        qk_f32_sgd(
          part.count, options, gradient.floats + first, velocity.map { $0.floats + first },
          value.floats + first)
      }
    }
  }

  private func stepInDouble(_ value: Tensor, _ gradient: Tensor, _ velocity: Tensor?, _ isFirst: Bool) {
    let (p, g) = (value.pointer(Double.self), gradient.pointer(Double.self))
    let v = velocity?.pointer(Double.self)
    for i in 0..<value.count {
      let slope = g[i] + weightDecay * p[i]
      guard let v else {
        p[i] -= learningRate * slope
        continue
      }
      v[i] = isFirst ? slope : momentum * v[i] + (1 - dampening) * slope
      p[i] -= learningRate * (nesterov ? slope + momentum * v[i] : v[i])
    }
  }
}
