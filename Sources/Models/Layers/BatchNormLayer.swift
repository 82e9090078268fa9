import Tensors

/// Batch normalisation of images [N, C, H, W] (`batch_norm2d`), or of sequences [N, C, L] (`batch_norm1d`); of rows
/// [N, C] by either. Parameters `weight`, `bias`, buffers `running_mean`, `running_var`, all [C].
public final class BatchNormLayer: Module {
  public let weight, bias, runningMean, runningVar: Parameter
  private let op: BatchNorm

  private let rank: Int

  /// - Parameter dimensions: of an image, 2, or of a sequence, 1.
  public init(_ channels: Int, dimensions: Int = 2, epsilon: Double = 1e-5, momentum: Double = 0.1) throws {
    let kind = "batch_norm\(dimensions)d"
    try Self.requireSize(channels, "channels", of: kind)
    try require(epsilon >= 0, kind, "argument 'eps' cannot be negative (got \(epsilon))")
    try require(
      momentum >= 0 && momentum <= 1, kind,
      "argument 'momentum' must be from 0 to 1 (got \(momentum))")
    op = BatchNorm(epsilon: epsilon, momentum: momentum)
    weight = Parameter(try .ones([channels]))
    bias = Parameter(try .zeros([channels]))
    runningMean = Parameter(try .zeros([channels]), role: .buffer)
    runningVar = Parameter(try .ones([channels]), role: .buffer)
    rank = 2 + dimensions
    super.init(kind: kind)
    register("weight", weight)
    register("bias", bias)
    register("running_mean", runningMean)
    register("running_var", runningVar)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try forward(x[0], relu: false) }

  /// With `side` added and relu behind it, in the same pass over memory.
  func forward(_ x: Tensor, adding side: Tensor? = nil, relu: Bool) throws -> Tensor {
    try require(
      x.rank == 2 || x.rank == rank, kind,
      "input must be [N, C] or \(rank == 3 ? "[N, C, L]" : "[N, C, H, W]"), got \(x.shape)")
    return try BatchNorm(epsilon: op.epsilon, momentum: op.momentum, training: isTraining, relu: relu).apply(
      [x, weight.value, bias.value, runningMean.value, runningVar.value] + (side.map { [$0] } ?? []))
  }

  /// What `convolution` makes of `x`, normalised as in evaluation, with `side` added and relu behind it, in one pass
  /// over memory. nil where somebody looks between the two or wants gradients, or where no kernel does that.
  func forward(_ x: Tensor, behind convolution: Conv2dLayer, adding side: Tensor? = nil, relu: Bool) throws
    -> Tensor?
  {
    guard !isTraining, !Tape.gradientsEnabled, mayFuse, convolution.mayFuse, rank == 4 else { return nil }
    let parameters = [weight.value, bias.value, runningMean.value, runningVar.value]
    return try convolution.op.evaluate(
      x, convolution.weight.value, bias: convolution.bias?.value, op, parameters, adding: side, relu: relu)
  }

  public override var arguments: String {
    Self.arguments(
      ["\(weight.value.count)"],
      options: [
        ("eps", op.epsilon == 1e-5 ? nil : "\(op.epsilon)"),
        ("momentum", op.momentum == 0.1 ? nil : "\(op.momentum)"),
      ])
  }
}
