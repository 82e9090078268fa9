import LuaHost
import Tensors

extension Tensor {
  static var inPlace: [Function] {
    [
      change("add_", "Adds to it in place.") { try $0.addInPlace($1) },
      change("sub_", "Subtracts from it in place.") { try $0.subtractInPlace($1) },
      change("mul_", "Multiplies it in place.") { try $0.multiplyInPlace($1) },
      change("div_", "Divides it in place.") { try $0.divideInPlace($1) },
      change("copy_", "Overwrites it with other values, converted to its type.") { try $0.assign($1) },
      Function(
        "fill_", "Sets every element.", .receiver(Tensor.self), .required("value", Double.self, "the number")
      ) { t, value in
        try t.requireChangeable("fill_")
        t.fill(value)
        return t
      },
      Function("zero_", "Sets every element to 0.", .receiver(Tensor.self)) { t in
        try t.requireChangeable("zero_")
        t.fill(0)
        return t
      },
      Function(
        "clamp_", "Moves every element into a range, in place.", .receiver(Tensor.self),
        .optional("min", default: -Double.infinity, "lower bound"),
        .optional("max", default: Double.infinity, "upper bound")
      ) { t, low, high in
        try t.requireChangeable("clamp_")
        try t.assign(Clip(low, high)(t.detached()))
        return t
      },
    ]
  }

  private static func change(
    _ name: String, _ doc: String, _ apply: @escaping (Tensor, Tensor) throws -> Void
  ) -> Function {
    Function(
      name, doc + " Returns it.", .receiver(Tensor.self),
      .required("other", OperandArgument.self, "what broadcasts to its shape")
    ) { t, other in
      try t.requireChangeable(name)
      let other = try other.tensor(like: t, for: name)
      if Tape.isCapturing {
        guard other.origin == nil else {
          throw LuaError(
            "\(name): a graph that is being captured cannot hold a change in place; use the form without _")
        }
        Tape.noteRead(other)
      }
      try apply(t, other)
      return t
    }
  }
}

extension Tensor {
  /// Refuses a change in place that a gradient would miss.
  func requireChangeable(_ function: String) throws {
    if Tape.gradientsEnabled && wantsGradient {
      throw LuaError(
        "\(function): a gradient flows through this tensor, a change in place would lose it; "
          + "change it inside qs.no_grad, or detach() it first")
    }
  }
}
