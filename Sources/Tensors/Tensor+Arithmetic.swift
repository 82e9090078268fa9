/// Arithmetic, comparisons and functions of one tensor. Operands of two element types are converted to the wider
/// one (`DType.promote`), a number takes the tensor's type (`Operand`). All throw where shapes do not broadcast.
extension Tensor {
  public static func + (a: Tensor, b: some Operand) throws -> Tensor { try Add().combine(a, b) }
  public static func - (a: Tensor, b: some Operand) throws -> Tensor { try Sub().combine(a, b) }
  public static func * (a: Tensor, b: some Operand) throws -> Tensor { try Mul().combine(a, b) }
  /// True division: integers give f32.
  public static func / (a: Tensor, b: some Operand) throws -> Tensor { try Div().combine(a, b) }

  public static func + (a: Double, b: Tensor) throws -> Tensor { try Add().combine(a, b) }
  public static func - (a: Double, b: Tensor) throws -> Tensor { try Sub().combine(a, b) }
  public static func * (a: Double, b: Tensor) throws -> Tensor { try Mul().combine(a, b) }
  public static func / (a: Double, b: Tensor) throws -> Tensor { try Div().combine(a, b) }

  public static prefix func - (x: Tensor) throws -> Tensor { try Neg()(x) }

  /// `self ^ exponent`; the powers 2, 1/2 and -1 of floats by the exact and faster functions.
  public func pow(_ exponent: some Operand) throws -> Tensor {
    switch exponent {
    case let number as Double where number == 2: try Square()(self)
    case let number as Int where number == 2: try Square()(self)
    case let number as Double where number == 0.5 && dtype.isFloatingPoint: try Sqrt()(self)
    default: try Pow().combine(self, exponent)
    }
  }

  /// `base ^ self`
  public func power(of base: Double) throws -> Tensor { try Pow().combine(base, self) }

  public func maximum(_ other: some Operand) throws -> Tensor { try Maximum().combine(self, other) }
  public func minimum(_ other: some Operand) throws -> Tensor { try Minimum().combine(self, other) }

  public func equal(_ other: some Operand) throws -> Tensor { try Equal().combine(self, other) }
  public func notEqual(_ other: some Operand) throws -> Tensor { try NotEqual().combine(self, other) }
  public func less(_ other: some Operand) throws -> Tensor { try Less().combine(self, other) }
  public func lessOrEqual(_ other: some Operand) throws -> Tensor { try LessOrEqual().combine(self, other) }
  public func greater(_ other: some Operand) throws -> Tensor { try Greater().combine(self, other) }
  public func greaterOrEqual(_ other: some Operand) throws -> Tensor {
    try GreaterOrEqual().combine(self, other)
  }

  public func logicalNot() throws -> Tensor { try LogicalNot()(self) }
  public func logicalAnd(_ other: Tensor) throws -> Tensor { try LogicalAnd()(self, other) }
  public func logicalOr(_ other: Tensor) throws -> Tensor { try LogicalOr()(self, other) }

  /// `self ? a : b`, for a bool tensor.
  public func choose(_ a: Tensor, _ b: some Operand) throws -> Tensor {
    let other = try b.operand(with: a, for: Where.name)
    let type = DType.promote(a.dtype, other.dtype)
    return try Where()(self, a.cast(to: type), other.cast(to: type))
  }

  public func abs() throws -> Tensor { try Abs()(self) }
  public func exp() throws -> Tensor { try Exp()(self) }
  public func log() throws -> Tensor { try Log()(self) }
  public func sqrt() throws -> Tensor { try Sqrt()(self) }
  public func square() throws -> Tensor { try Square()(self) }
  public func reciprocal() throws -> Tensor { try Reciprocal()(self) }
  public func tanh() throws -> Tensor { try Tanh()(self) }
  public func sigmoid() throws -> Tensor { try Sigmoid()(self) }
  public func relu() throws -> Tensor { try Relu()(self) }
  public func erf() throws -> Tensor { try Erf()(self) }
  public func silu() throws -> Tensor { try Silu()(self) }
  public func hardSwish() throws -> Tensor { try HardSwish()(self) }
  public func hardSigmoid() throws -> Tensor { try HardSigmoid()(self) }
  public func gelu(_ approximation: Gelu.Approximation = .none) throws -> Tensor {
    try Gelu(approximation)(self)
  }

  /// `min(max(self, lowest), highest)`
  public func clip(_ lowest: Double = -.infinity, _ highest: Double = .infinity) throws -> Tensor {
    try Clip(lowest, highest)(self)
  }

  /// The elements as `type`; keeps the record, unlike `converted`.
  public func cast(to type: DType) throws -> Tensor { type == dtype ? self : try Cast(to: type)(self) }
}
