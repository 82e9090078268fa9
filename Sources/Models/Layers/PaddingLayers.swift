import Tensors

/// Pixels added around images [N, C, H, W]: `zero_pad2d`, `reflection_pad2d` or `replication_pad2d`.
public final class Pad2dLayer: Module {
  private let padding: Padding2d
  private let mode: Pad.Mode

  public init(_ padding: Padding2d, mode: Pad.Mode = .constant) throws {
    let name =
      switch mode {
      case .constant: "zero"
      case .reflect: "reflection"
      case .replicate: "replication"
      case .circular: "circular"
      }
    (self.padding, self.mode) = (padding, mode)
    super.init(kind: name + "_pad2d")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try require(x[0].rank == 4, kind, "input must be [N, C, H, W], got \(x[0].shape)")
    return try Pad(
      before: [0, 0, padding.top, padding.left], after: [0, 0, padding.bottom, padding.right], mode: mode)(
        x[0])
  }

  public override var arguments: String { Self.arguments([padding.argument ?? "0"]) }
}
