import LuaHost
import Tensors

extension TensorFunction {
  static var elementwise: [TensorFunction] {
    [
      TensorFunction("abs", "The magnitude of every element.", Abs()),
      TensorFunction("neg", "The negative of every element.", Neg()),
      TensorFunction("exp", "e to the power of every element.", Exp()),
      TensorFunction("log", "The natural logarithm of every element.", Log()),
      TensorFunction("sqrt", "The square root of every element.", Sqrt()),
      TensorFunction("floor", "The largest whole number that is not above every element.", Floor()),
      TensorFunction("ceil", "The smallest whole number that is not below every element.", Ceil()),
      TensorFunction("round", "The whole number nearest to every element, ties to even.", Round()),
      TensorFunction("sign", "-1, 0 or 1, as every element's sign.", Sign()),
      TensorFunction("square", "The square of every element.", Square()),
      TensorFunction("reciprocal", "1 / x of every element.", Reciprocal()),
      TensorFunction("erf", "The error function of every element.", Erf()),
      TensorFunction("tanh", "The hyperbolic tangent of every element.", Tanh()),
      TensorFunction("sigmoid", "1 / (1 + exp(-x)) of every element.", Sigmoid()),
      TensorFunction("relu", "max(x, 0) of every element.", Relu()),
      TensorFunction("relu6", "min(max(x, 0), 6) of every element.", Clip.relu6),
      TensorFunction("silu", "x * sigmoid(x) of every element.", Silu()),
      TensorFunction("hardswish", "x * relu6(x + 3) / 6 of every element.", HardSwish()),
      TensorFunction("hardsigmoid", "relu6(x + 3) / 6 of every element.", HardSigmoid()),
      TensorFunction(
        "gelu", "x times the normal distribution function of x, for every element.",
        .option("approximate", default: Gelu.Approximation.none, "\"tanh\" for the older approximation")
      ) { x, approximation in try Gelu(approximation)(x) },
      TensorFunction(
        "clamp", "Every element, moved into a range.",
        .optional("min", default: -Double.infinity, "lower bound"),
        .optional("max", default: Double.infinity, "upper bound")
      ) { x, low, high in
        try require(low <= high, "clamp", "min \(low) is above max \(high)")
        try require(
          x.dtype.isFloatingPoint || [low, high].allSatisfy { $0.isInfinite || $0.rounded() == $0 }, "clamp",
          "bounds of \(x.dtype) must be whole numbers, got \(low) and \(high)")
        return try Clip(low, high)(x)
      },
    ]
  }
}

extension Gelu.Approximation: LuaEnum {}
