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
    if let body = body as? Sequential, body.mayFuse, activation?.isFusibleRelu ?? true,
      let norm = body.children.last?.module as? BatchNormLayer, norm.mayFuse
    {
      return try forwardFused(x[0], body, norm)
    }
    let (main, side) = (try body(x[0]), try shortcut?(x[0]) ?? x[0])
    try requireSame(main, side, x[0])
    let sum = try Add()(main, side)
    return try activation?(sum) ?? sum
  }

  /// The last batch norm of the body, the sum and relu in one pass over memory; where that can be, the convolution
  /// before the norm too.
  private func forwardFused(_ x: Tensor, _ body: Sequential, _ norm: BatchNormLayer) throws -> Tensor {
    let children = body.children.dropLast()
    let convolution = children.last?.module as? Conv2dLayer
    let main = try body.call([x]) { try body.run(children.count - (convolution == nil ? 0 : 1), $0[0]) }
    let side = try shortcut?(x) ?? x
    let relu = activation != nil
    if let convolution,
      let y = try norm.forward(main, behind: convolution, adding: side, relu: relu)
    {
      return y
    }
    let sum = try convolution?(main) ?? main
    try requireSame(sum, side, x)
    return try norm.call([sum]) { try norm.forward($0[0], adding: side, relu: relu) }
  }

  private func requireSame(_ main: Tensor, _ side: Tensor, _ x: Tensor) throws {
    try require(
      main.shape == side.shape, kind,
      "the body makes \(main.shape) of input \(x.shape), the shortcut \(side.shape); "
        + "give a shortcut that makes the same shape")
  }
}
