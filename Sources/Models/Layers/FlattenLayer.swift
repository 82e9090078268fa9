import Tensors

/// All dimensions after the first in one: [N, ...] to [N, features], in row-major order.
public final class FlattenLayer: Module {
  public init() { super.init(kind: "flatten") }

  public override func forward(_ x: [Tensor]) throws -> Tensor {
    try require(x[0].rank >= 1, kind, "input must have at least one dimension, got a scalar")
    return try Flatten()(x[0])
  }
}
