import Tensors

/// Batch normalisation of images [N, C, H, W] or rows [N, C]. Parameters `weight`, `bias`, buffers
/// `running_mean`, `running_var`, all [C].
public final class BatchNorm2dLayer: Module {
  public let weight, bias, runningMean, runningVar: Parameter
  private let op: BatchNorm

  public init(_ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) throws {
    try Self.requireSize(channels, "channels", of: "batch_norm2d")
    try require(epsilon >= 0, "batch_norm2d", "argument 'epsilon' cannot be negative (got \(epsilon))")
    try require(
      momentum >= 0 && momentum <= 1, "batch_norm2d",
      "argument 'momentum' must be from 0 to 1 (got \(momentum))")
    op = BatchNorm(epsilon: epsilon, momentum: momentum)
    weight = Parameter(try .ones([channels]))
    bias = Parameter(try .zeros([channels]))
    runningMean = Parameter(try .zeros([channels]), role: .buffer)
    runningVar = Parameter(try .ones([channels]), role: .buffer)
    super.init(kind: "batch_norm2d")
    register("weight", weight)
    register("bias", bias)
    register("running_mean", runningMean)
    register("running_var", runningVar)
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try op.mode(training: isTraining).apply(
      [x[0], weight.value, bias.value, runningMean.value, runningVar.value])
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
