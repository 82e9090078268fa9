/// What may stand on the other side of an operator: a tensor or a number.
public protocol Operand {
  /// This as a tensor to combine with `other`.
  func operand(with other: Tensor, for function: String) throws -> Tensor
}

extension Tensor: Operand {
  public func operand(with other: Tensor, for function: String) throws -> Tensor { self }
}

extension Double: Operand {
  /// A number takes the type of the tensor; one with a fraction beside integers is f32, and a whole number beside
  /// bool is i64.
  public func operand(with other: Tensor, for function: String) throws -> Tensor {
    if other.dtype.isFloatingPoint { return try .scalar(self, other.dtype) }
    guard rounded() == self else { return try .scalar(self, .f32) }
    if other.dtype == .bool { return try .scalar(self, .i64) }
    let result = try Tensor.scalar(self, other.dtype)
    try require(
      result.item() == self, function,
      "\(Int64(exactly: self).map(String.init) ?? String(self)) does not fit in \(other.dtype); convert the tensor first"
    )
    return result
  }
}

extension Int: Operand {
  public func operand(with other: Tensor, for function: String) throws -> Tensor {
    try Double(self).operand(with: other, for: function)
  }
}

extension Op {
  /// The op on two operands brought to one element type.
  public func combine(_ a: Tensor, _ b: some Operand) throws -> Tensor {
    try combine(a, b.operand(with: a, for: name))
  }

  public func combine(_ a: Double, _ b: Tensor) throws -> Tensor {
    try combine(a.operand(with: b, for: name), b)
  }

  public func combine(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    if a.dtype == b.dtype { return try apply(a, b) }
    let type = DType.promote(a.dtype, b.dtype)
    return try apply(a.cast(to: type), b.cast(to: type))
  }
}
