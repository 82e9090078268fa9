import Tensors

/// Modules one after the other, called "0", "1", ... as in PyTorch.
public final class Sequential: Module {
  public init(_ modules: [Module]) {
    super.init(kind: "sequential")
    for (i, module) in modules.enumerated() { register("\(i)", module) }
  }

  public override func forward(_ inputs: [Tensor]) throws -> Tensor {
    try run(children.count, inputs[0])
  }
}
