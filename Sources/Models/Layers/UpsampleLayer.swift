import Tensors

/// Images [N, C, H, W] or sequences [N, C, L] at another size.
public final class UpsampleLayer: Module {
  private let op: Interpolate

  public init(_ target: Interpolate.Target, mode: Interpolate.Mode = .nearest, alignCorners: Bool = false) {
    op = Interpolate(target, mode: mode, alignCorners: alignCorners)
    super.init(kind: "upsample")
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor { try op(x[0]) }

  public override var arguments: String {
    let (size, scale): (String?, String?) =
      switch op.target {
      case .size(let sizes): (Self.list(sizes.map(String.init)), nil)
      case .scale(let factors): (nil, Self.list(factors.map { "\($0)" }))
      }
    return Self.arguments(
      [],
      options: [
        ("size", size), ("scale_factor", scale),
        ("mode", op.mode == .nearest ? nil : "\"\(op.mode.rawValue)\""),
        ("align_corners", op.alignCorners ? "true" : nil),
      ])
  }

  private static func list(_ numbers: [String]) -> String {
    numbers.count == 1 ? numbers[0] : "{\(numbers.joined(separator: ", "))}"
  }
}
