import Tensors

/// How the learning rate changes: a pure function of the step, counted from 0, that gives the factor of the
/// base rate. A step is whatever the caller counts, batches or epochs.
public struct Schedule: Sendable {
  public let factor: @Sendable (_ step: Int) -> Double

  public init(_ factor: @escaping @Sendable (_ step: Int) -> Double) { self.factor = factor }

  public static let constant = Schedule { _ in 1 }

  /// Multiplied by `gamma` every `size` steps.
  public static func step(every size: Int, gamma: Double = 0.1) throws -> Schedule {
    try require(size >= 1, "step", "argument 'size' must be a positive integer (got \(size))")
    return Schedule { Libm.pow(gamma, Double($0 / size)) }
  }

  /// Half a cosine from 1 down to `minimum` over `total` steps, then `minimum` (Loshchilov and Hutter, "SGDR",
  /// ICLR 2017, without restarts).
  public static func cosine(total: Int, minimum: Double = 0) throws -> Schedule {
    try require(total >= 1, "cosine", "argument 'total' must be a positive integer (got \(total))")
    return Schedule { step in
      let progress = min(Double(step) / Double(total), 1)
      return minimum + (1 - minimum) * (1 + Libm.cos(Double.pi * progress)) / 2
    }
  }

  /// Rises linearly over `steps` steps, reaching 1 with the last, then does what `rest` does from its start.
  public static func warmUp(_ steps: Int, then rest: Schedule = .constant) throws -> Schedule {
    try require(steps >= 0, "warmup", "argument 'steps' cannot be negative (got \(steps))")
    return Schedule { $0 < steps ? Double($0 + 1) / Double(steps) : rest.factor($0 - steps) }
  }
}
