import Models
import Tensors

/// Arithmetic, comparison and logic, element by element with broadcasting.
extension OnnxOperator {
  static let elementwise: [String: OnnxOperator] = [
    "Abs": unary(Abs()), "Neg": unary(Neg()), "Exp": unary(Exp()), "Log": unary(Log()), "Sqrt": unary(Sqrt()),
    "Reciprocal": unary(Reciprocal()), "Erf": unary(Erf()), "Floor": unary(Floor()), "Ceil": unary(Ceil()),
    "Round": unary(Round()), "Sign": unary(Sign()), "Not": unary(LogicalNot()),
    "Identity": OnnxOperator { try $0.input(0) },
    "Add": binary(Add()), "Sub": binary(Sub()), "Mul": binary(Mul()), "And": binary(LogicalAnd()),
    "Or": binary(LogicalOr()), "Equal": binary(Equal()), "Less": binary(Less()),
    "LessOrEqual": binary(LessOrEqual()), "Greater": binary(Greater()),
    "GreaterOrEqual": binary(GreaterOrEqual()),
    "Xor": OnnxOperator { c in try c.emit(NotEqual(), c.input(0), c.input(1)) },
    "Div": OnnxOperator { c in
      let a = try c.input(0)
      return try c.emit(c.dtype(a).isFloatingPoint ? Div() : TruncatedDiv(), a, c.input(1))
    },
    "Mod": OnnxOperator { c in try c.emit(Mod(truncated: c.flag("fmod")), c.input(0), c.input(1)) },
    "Pow": OnnxOperator { c in try power(c) },
    "Where": OnnxOperator { c in try c.emit(Where(), c.input(0), c.input(1), c.input(2)) },
    "Max": several(Maximum()), "Min": several(Minimum()), "Sum": several(Add()),
    "Mean": OnnxOperator { c in
      let inputs = try c.allInputs()
      let sum = try inputs.dropFirst().reduce(c.input(0)) { try c.add($0, $1) }
      return try c.div(sum, c.scalar(Double(inputs.count), like: sum))
    },
    "Clip": OnnxOperator { c in try clip(c) },
    "Cast": OnnxOperator { c in try cast(c) },
    "CastLike": OnnxOperator { c in try c.cast(c.input(0), c.dtype(c.input(1))) },
  ]

  static func unary(_ op: any Op) -> OnnxOperator { OnnxOperator { c in try c.emit(op, c.input(0)) } }
  private static func binary(_ op: any Op) -> OnnxOperator {
    OnnxOperator { c in try c.emit(op, c.input(0), c.input(1)) }
  }

  private static func several(_ op: any Op) -> OnnxOperator {
    OnnxOperator { c in
      try c.allInputs().dropFirst().reduce(c.input(0)) { try c.emit(op, $0, $1) }
    }
  }

  /// The result has the base's type; an exponent of another type is converted, a fractional one by way of f64.
  private static func power(_ c: OnnxCall) throws -> OnnxValue {
    let (base, exponent) = (try c.input(0), try c.input(1))
    let (type, other) = (try c.dtype(base), try c.dtype(exponent))
    if let two = exponent.constant, type.isFloatingPoint, try two.tensor().count == 1,
      try two.tensor().item() == 2
    {
      return try c.emit(Square(), base)
    }
    guard other.isFloatingPoint, !type.isFloatingPoint else {
      return try c.emit(Pow(), base, c.cast(exponent, type))
    }
    return try c.cast(c.emit(Pow(), c.cast(base, .f64), c.cast(exponent, .f64)), type)
  }

  private static func clip(_ c: OnnxCall) throws -> OnnxValue {
    var x = try c.input(0)
    let isConstant = (1...2).allSatisfy { !c.has($0) || c.inputs[$0]?.constant != nil }
    if isConstant {
      let low = try c.has(1) ? c.number(1, "min") ?? -.infinity : c.float("min", -.infinity)
      let high = try c.has(2) ? c.number(2, "max") ?? .infinity : c.float("max", .infinity)
      return try c.emit(Clip(low, high), x)
    }
    if c.has(1) { x = try c.emit(Maximum(), x, c.input(1)) }
    return c.has(2) ? try c.emit(Minimum(), x, c.input(2)) : x
  }

  private static func cast(_ c: OnnxCall) throws -> OnnxValue {
    let code = try c.int("to", 0)
    // Half floats are computed in f32.
    guard let type = OnnxType(rawValue: code), let dtype = type.dtype, type.isOurs || type.isHalf else {
      throw OnnxRefusal(
        "converts to \(OnnxType(rawValue: code).map { "\($0)" } ?? "type \(code)"), which is not supported")
    }
    return try c.cast(c.input(0), dtype)
  }
}
