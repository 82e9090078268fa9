import Foundation
import Models
import Tensors

/// Learns for each weight whether to round it up or down, so that the layer's result stays what it was (Nagel et al.,
/// "Up or down? Adaptive rounding for post-training quantization", ICML 2020).
///
/// A weight is `s (floor(w / s) + h(V))` with `h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1)`. What is minimised is the mean
/// squared error of the layer's result plus `weight * sum (1 - |2 h - 1|^beta)`, which pushes every h to 0 or 1; beta
/// falls from 20 to 2 after a warm-up without this term. Where what was learned is no better than rounding to the nearest,
/// the layer is rounded to the nearest.
public struct AdaRound: Sendable {
  public var iterations: Int
  public var learningRate: Double
  /// Of the term that pushes towards 0 and 1.
  public var regularization: Double
  /// What is compared is behind the relu that follows, and the inputs are those that the rounded layers before give.
  /// Needs rows of data instead of their Hessian, and as many passes over the data as there are layers.
  public var asymmetric: Bool

  public init(
    iterations: Int = 1000, learningRate: Double = 0.01, regularization: Double = 1, asymmetric: Bool = false
  ) {
    (self.iterations, self.learningRate) = (iterations, learningRate)
    (self.regularization, self.asymmetric) = (regularization, asymmetric)
  }

  private static let (stretchLow, stretchHigh) = (-0.1, 1.1)
  private static let warmup = 0.2
  private static let (betaStart, betaEnd) = (20.0, 2.0)

  /// The error of a layer's result, on one piece of the data at a time.
  struct Objective {
    let pieces: Int
    /// Given the soft weights [groups, rows, columns] as they are now, on piece `step` modulo `pieces`.
    let error: (_ soft: Tensor, _ step: Int) throws -> Tensor

    /// On all pieces, of weights [O, ...] that are decided.
    func total(_ weight: Tensor, _ shape: Shape) throws -> Double {
      try Tape.withoutGradients {
        let soft = try weight.reshaped(shape)
        return try (0..<pieces).reduce(0) { try $0 + error(soft, $1).item() }
      }
    }
  }

  /// h(V).
  static func soft(_ v: Tensor) throws -> Tensor {
    try (v.sigmoid() * (stretchHigh - stretchLow) + stretchLow).clip(0, 1)
  }

  /// `sum (1 - |2 h - 1|^beta)`.
  static func pull(_ h: Tensor, beta: Double) throws -> Tensor {
    let distance = try (h * 2 - 1).abs().pow(beta)
    return try Double(h.count) - distance.sum()
  }

  /// beta at a step; nil in the warm-up. Falls along a cosine.
  func beta(_ step: Int) -> Double? {
    let start = Int(Self.warmup * Double(iterations))
    guard step >= start else { return nil }
    let share = Double(step - start) / Double(max(iterations - start, 1))
    return Self.betaEnd + 0.5 * (Self.betaStart - Self.betaEnd) * (1 + cos(share * .pi))
  }

  /// `weight` [O, ...] on its grid; nil where rounding to the nearest has no error that could be made less, or none that
  /// is a number.
  ///
  /// - Parameters:
  ///   - keep: of each weight, whether it lives; the others stay 0. nil: all do.
  ///   - pause: called now and then, to stop the work by throwing.
  func round(
    _ weight: Tensor, _ grid: WeightCodes, groups: Int, keep: [Bool]?, _ objective: Objective,
    pause: () throws -> Void = {}
  ) throws -> Tensor? {
    let shape: Shape = [groups, grid.rows / groups, grid.columns]
    let source = try weight.contiguous()
    let (lower, scale, v) = (
      try Tensor(undefined: shape), try Tensor(undefined: shape), try Tensor(undefined: shape)
    )
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let i = row * grid.columns + column
        let (code, share) = grid.below(Double(source.floats[i]), row, column)
        let lives = keep?[i] ?? true
        lower.floats[i] = lives ? grid.value(code, row, column) : 0
        scale.floats[i] = lives ? grid.scale(row, column) : 0
        // The inverse of h, so that learning begins at the weight itself.
        let inside = min(max(share, 0.001), 0.999)
        v.floats[i] = Float(-log((Self.stretchHigh - Self.stretchLow) / (inside - Self.stretchLow) - 1))
      }
    }
    let nearest = try grid.quantizer.dequantized(weight)
    let nearestError = try objective.total(nearest, shape)
    guard nearestError > 0, nearestError.isFinite else { return nil }
    let unit = Double(weight.count) * Double(objective.pieces) / nearestError
    let learned = Parameter(v)
    let optimizer = try Adam([learned], learningRate: learningRate)
    try Tape.withGradients {
      for step in 0..<iterations {
        if step % 32 == 0 { try pause() }
        let h = try Self.soft(learned.value)
        var loss = try objective.error(lower + scale * h, step) * unit
        if let beta = beta(step) { loss = try loss + Self.pull(h, beta: beta) * regularization }
        learned.value.grad = nil
        try loss.backward()
        try optimizer.step()
      }
    }
    let decided = try learned.value.contiguous()
    let result = try Tensor(undefined: weight.shape)
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let i = row * grid.columns + column
        let code = grid.below(Double(source.floats[i]), row, column).code
        let value = grid.value(decided.floats[i] >= 0 ? code + 1 : code, row, column)
        result.floats[i] = keep?[i] ?? true ? value : 0
      }
    }
    let found = try withExtendedLifetime((source, lower, scale, decided)) {
      try objective.total(result, shape)
    }
    return found < nearestError ? result : nearest
  }

  /// `mean over rows x of |(soft - W) x|^2`, from `H = sum x x^T` over them.
  static func objective(_ weight: Tensor, _ hessian: LayerHessian, groups: Int) throws -> Objective {
    let matrices = hessian.matrices
    let n = matrices.first?.size ?? 0
    let scale = 1 / Double(max(hessian.rows, 1))
    let h = try Tensor.from(matrices.flatMap { $0.values.map { $0 * scale } }, [groups, n, n], .f32)
    let w = try weight.detached().reshaped([groups, weight.shape[0] / groups, n])
    return Objective(pieces: 1) { soft, _ in
      let difference = try soft - w
      return try (difference.matmul(h) * difference).sum()
    }
  }
}
