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

  override var bufferNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

  override func step(_ numbers: Numbers) {
    var options = qk_f32_sgd_options(
      learning_rate: learningRate, momentum: momentum, dampening: dampening, weight_decay: weightDecay,
      nesterov: nesterov, first_step: numbers.steps == 1)
    qk_f32_sgd(numbers.count, &options, numbers.gradient, numbers.first, numbers.value)
  }

  override func stepInDouble(_ piece: Piece) {
    let (p, g) = (piece.value.pointer(Double.self), piece.gradient.pointer(Double.self))
    let v = piece.buffers.first?.pointer(Double.self)
    for i in 0..<piece.value.count {
      let slope = g[i] + weightDecay * p[i]
      guard let v else {
        p[i] -= learningRate * slope
        continue
      }
      v[i] = piece.steps == 1 ? slope : momentum * v[i] + (1 - dampening) * slope
      p[i] -= learningRate * (nesterov ? slope + momentum * v[i] : v[i])
    }
  }
}
