import Tensors

/// Normalisation of each channel of each sample: images [N, C, H, W] (`instance_norm2d`) or sequences [N, C, L]
/// (`instance_norm1d`). Parameters, where `affine`: `weight` and `bias` [C]. PyTorch InstanceNorm2d and 1d.
///
/// Where it tracks statistics it has buffers `running_mean` and `running_var` [C], which move in training towards the
/// samples' averages by the share `momentum` (the unbiased variance), and evaluation normalises with them. A captured
/// graph has that evaluation: it goes on with these statistics when it is trained further.
public final class InstanceNormLayer: Module {
  public let weight, bias: Parameter?
  private let running: (mean: Parameter, variance: Parameter)?
  private let op: InstanceNorm
  private let momentum: Double
  private let channels, rank: Int

  /// - Parameter dimensions: of an image, 2, or of a sequence, 1.
  public init(
    _ channels: Int, dimensions: Int = 2, epsilon: Double = 1e-5, affine: Bool = false,
    trackRunningStatistics: Bool = false, momentum: Double = 0.1
  ) throws {
    let kind = "instance_norm\(dimensions)d"
    try Self.requireSize(channels, "channels", of: kind)
    try require(epsilon >= 0, kind, "argument 'eps' cannot be negative (got \(epsilon))")
    try require(
      momentum >= 0 && momentum <= 1, kind,
      "argument 'momentum' must be from 0 to 1 (got \(momentum))")
    (op, self.channels, rank) = (InstanceNorm(epsilon: epsilon), channels, 2 + dimensions)
    self.momentum = momentum
    weight = affine ? Parameter(try .ones([channels])) : nil
    bias = affine ? Parameter(try .zeros([channels])) : nil
    running =
      trackRunningStatistics
      ? (Parameter(try .zeros([channels]), role: .buffer), Parameter(try .ones([channels]), role: .buffer))
      : nil
    super.init(kind: kind)
    if let weight { register("weight", weight) }
    if let bias { register("bias", bias) }
    if let running {
      register("running_mean", running.mean)
      register("running_var", running.variance)
    }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    let x = x[0]
    try require(
      x.rank == rank, kind,
      "input must be \(rank == 3 ? "[N, C, L]" : "[N, C, H, W]"), got \(x.shape)")
    try requireChannels(x.shape, channels)
    if let running, !isTraining {
      let (weight, bias) = try (weight?.value ?? .ones([channels]), bias?.value ?? .zeros([channels]))
      return try BatchNorm(epsilon: op.epsilon, momentum: momentum).frozen.apply(
        [x, weight, bias, running.mean.value, running.variance.value])
    }
    if running != nil && !Tape.isRecomputing { try Tape.withoutGradients { try updateStatistics(x) } }
    return try op.apply([x] + [weight, bias].compactMap { $0?.value })
  }

  /// `running += momentum (average over the samples - running)`
  private func updateStatistics(_ x: Tensor) throws {
    let spatial = Array(2..<rank)
    let size = x.shape.dropFirst(2).reduce(1, *)
    try require(
      size > 1 && x.shape[0] > 0, kind,
      "needs more than one value per channel and sample to track statistics in training, got \(x.shape)")
    guard let (mean, variance) = running else { return }
    let batch = try [(mean, x.mean(axes: spatial)), (variance, x.variance(axes: spatial))]
    for (parameter, values) in batch {
      try parameter.value.multiplyInPlace(1 - momentum)
      try parameter.value.addInPlace(values.mean(axes: [0]), scale: momentum)
    }
  }

  public override var arguments: String {
    Self.arguments(
      ["\(channels)"],
      options: [
        ("eps", op.epsilon == 1e-5 ? nil : "\(op.epsilon)"), ("affine", weight == nil ? nil : "true"),
        ("track_running_stats", running == nil ? nil : "true"),
        ("momentum", momentum == 0.1 ? nil : "\(momentum)"),
      ])
  }
}
