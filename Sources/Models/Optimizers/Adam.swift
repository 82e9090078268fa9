import CKernels
import Tensors

/// Adam (Kingma and Ba, "Adam", ICLR 2015) and, with weight decay outside of the gradient, AdamW (Loshchilov
/// and Hutter, "Decoupled weight decay regularization", ICLR 2019).
///
/// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
/// `p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)`; before that AdamW shrinks p by
/// `1 - lr weight_decay`, while Adam adds `weight_decay p` to g. t counts the steps in which the parameter had a
/// gradient.
public final class Adam: Optimizer {
  public let beta1, beta2, epsilon, weightDecay: Double
  private let isDecoupled: Bool

  public init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 0, decoupled: Bool = false
  ) throws {
    let kind = decoupled ? "adamw" : "adam"
    try Self.check(betas.0, "betas", of: kind, below: 1)
    try Self.check(betas.1, "betas", of: kind, below: 1)
    try Self.check(epsilon, "eps", of: kind)
    try Self.check(weightDecay, "weight_decay", of: kind)
    (beta1, beta2) = betas
    (self.epsilon, self.weightDecay, isDecoupled) = (epsilon, weightDecay, decoupled)
    try super.init(kind: kind, parameters, learningRate: learningRate)
  }

  override var bufferNames: [String] { ["exp_avg", "exp_avg_sq"] }

  override func step(_ numbers: Numbers) {
    var options = qk_f32_adam_options(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: weightDecay,
      decoupled: isDecoupled, step: Int64(numbers.steps))
    qk_f32_adam(
      numbers.count, &options, numbers.gradient, numbers.first, numbers.second, numbers.value)
  }

  override func stepInDouble(_ piece: Piece) {
    let (p, g) = (piece.value.pointer(Double.self), piece.gradient.pointer(Double.self))
    let (m, v) = (piece.buffers[0].pointer(Double.self), piece.buffers[1].pointer(Double.self))
    let correction1 = 1 - Libm.pow(beta1, Double(piece.steps))
    let correction2 = 1 - Libm.pow(beta2, Double(piece.steps))
    for i in 0..<piece.value.count {
      if isDecoupled { p[i] *= 1 - learningRate * weightDecay }
      let slope = g[i] + (isDecoupled ? 0 : weightDecay * p[i])
      m[i] += (slope - m[i]) * (1 - beta1)
      v[i] = beta2 * v[i] + (1 - beta2) * slope * slope
      p[i] -= learningRate * (m[i] / correction1) / ((v[i] / correction2).squareRoot() + epsilon)
    }
  }
}
