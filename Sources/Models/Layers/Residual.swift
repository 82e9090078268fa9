import Tensors

/// `y = activation(body(x) + shortcut(x))` (He et al., "Deep residual learning", CVPR 2016). Without a
/// shortcut it is x itself, without an activation the sum is the result. Children `body`, `shortcut`,
/// `activation`.
public final class Residual: Module {
  private let body: Module
  private let shortcut, activation: Module?

  public init(_ body: Module, shortcut: Module? = nil, activation: Module? = nil) {
    (self.body, self.shortcut, self.activation) = (body, shortcut, activation)
    super.init(kind: "residual")
    register("body", body)
    if let shortcut { register("shortcut", shortcut) }
    if let activation { register("activation", activation) }
  }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    let (main, side) = (try body(x[0]), try shortcut?(x[0]) ?? x[0])
    try require(
      main.shape == side.shape, kind,
      "the body makes \(main.shape) of input \(x[0].shape), the shortcut \(side.shape); "
        + "give a shortcut that makes the same shape")
    let sum = try Add()(main, side)
    return try activation?(sum) ?? sum
  }
}
