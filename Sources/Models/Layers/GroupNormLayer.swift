import Tensors

/// Normalisation of each sample [C, ...] over groups of its channels. Parameters `weight` and `bias` [C].
public final class GroupNormLayer: Module {
  public let weight, bias: Parameter?
  private let op: GroupNorm
  private let channels: Int

  public init(groups: Int, _ channels: Int, epsilon: Double = 1e-5, affine: Bool = true) throws {
    try Self.requireSize(groups, "groups", of: "group_norm")
    try Self.requireSize(channels, "channels", of: "group_norm")
    try require(
      channels % groups == 0, "group_norm", "\(channels) channels do not divide into \(groups) groups")
    try require(epsilon >= 0, "group_norm", "argument 'eps' cannot be negative (got \(epsilon))")
    (op, self.channels) = (GroupNorm(groups: groups, epsilon: epsilon), channels)
    weight = affine ? Parameter(try .ones([channels])) : nil
    bias = affine ? Parameter(try .zeros([channels])) : nil
    super.init(kind: "group_norm")
    if let weight { register("weight", weight) }
    if let bias { register("bias", bias) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try requireChannels(x[0].shape, channels)
    return try op.apply([x[0]] + [weight, bias].compactMap { $0?.value })
  }

  public override var arguments: String {
    Self.arguments(
      ["\(op.groups)", "\(channels)"],
      options: [
        ("eps", op.epsilon == 1e-5 ? nil : "\(op.epsilon)"), ("affine", weight == nil ? "false" : nil),
      ])
  }
}

extension Module {
  /// Refuses an input [N, C, ...] of other channels; a layer without parameters would take any.
  func requireChannels(_ x: Shape, _ channels: Int) throws {
    try require(
      x.rank >= 2 && x[1] == channels, kind, "input \(x) must have \(channels) channels, as [N, C, ...]")
  }
}
