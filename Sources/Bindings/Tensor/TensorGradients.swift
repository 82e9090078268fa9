import LuaHost
import Tensors

extension Tensor {
  static var gradients: [Function] {
    [
      Function(
        "backward", "Adds to `grad` of every tensor that requires one the derivative of this tensor.",
        .receiver(Tensor.self),
        .optional(
          "gradient", Tensor?.self, "to start from, of this tensor's shape; 1 where it is a single number"),
        .option("retain", default: false, "keep the record, so that backward can run again")
      ) { (t, gradient, retain) -> Void in try t.backward(from: gradient, retain: retain) },
      Function(
        "detach", "The same values, shared, with no record of where they came from.", .receiver(Tensor.self)
      ) { t in Tape.isCapturing ? try Identity(stopsGradient: true)(t) : t.detached() },
      Function("clone", "A copy with memory of its own, and no record.", .receiver(Tensor.self)) { t in
        Tape.isCapturing ? try Identity(stopsGradient: true, copies: true)(t) : try t.copy()
      },
    ]
  }

  /// What `qs` knows of tensors.
  static var functions: [Function] {
    creation + random + gradientFunctions + TensorFunction.all.map(\.function) + [attention] + recurrent
  }

  private static var gradientFunctions: [Function] {
    [
      Function(
        "no_grad", "Calls a function while nothing is recorded for gradients; returns its results.",
        .required("body", LuaFunction.self, "called without arguments"), returns: "any"
      ) { body in try LuaResults(Tape.withoutGradients { try body.callForHandles() }) },
      Function(
        "with_precision",
        "Calls a function while matrix products and convolutions multiply in that precision; returns its results. "
          + "Tensors, sums and weights stay f32. Gradients of what it computes are made alike.",
        .required("precision", Precision.self, "of the factors; \"bf16\" needs a processor that has it"),
        .required("body", LuaFunction.self, "called without arguments"), returns: "any"
      ) { precision, body in
        try LuaResults(Precision.with(precision) { try body.callForHandles() })
      },
    ]
  }
}

extension Precision: LuaEnum {}
