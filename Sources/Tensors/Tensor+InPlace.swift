import CKernels

/// Changes in place. Each is counted, so that `backward` notices where it needed the old value.
extension Tensor {
  /// `self += scale * other`; `other` broadcasts to this shape.
  public func addInPlace(_ other: Tensor, scale: Double = 1) throws {
    try requireChangeable("add_", with: other)
    switch (dtype, scale == 1) {
    case (_, true): Add().fill(self, other, into: self)
    case (.f32, _) where isDense && liesLike(other): qk_f32_axpy(count, Float(scale), other.floats, floats)
    case (.f32, _):
      let scale = Float(scale)
      Elementwise.binary(self, other, into: self, Float.self, Float.self) { $0 + scale * $1 }
    case (.f64, _): Elementwise.binary(self, other, into: self, Double.self, Double.self) { $0 + scale * $1 }
    default: throw ShapeError("add_", "a scaled sum in place needs f32 or f64 tensors, got \(dtype)")
    }
    storage.markChanged()
  }

  /// `self -= other`; `other` broadcasts to this shape.
  public func subtractInPlace(_ other: Tensor) throws {
    try requireChangeable("sub_", with: other)
    Sub().fill(self, other, into: self)
    storage.markChanged()
  }

  /// `self *= other`, element by element; `other` broadcasts to this shape.
  public func multiplyInPlace(_ other: Tensor) throws {
    try requireChangeable("mul_", with: other)
    Mul().fill(self, other, into: self)
    storage.markChanged()
  }

  /// `self *= factor`.
  public func multiplyInPlace(_ factor: Double) throws {
    try multiplyInPlace(try .scalar(factor, dtype))
  }

  /// `self /= other`, element by element; `other` broadcasts to this shape. Floats only.
  public func divideInPlace(_ other: Tensor) throws {
    try requireChangeable("div_", with: other)
    switch dtype {
    case .f32: Elementwise.single(self, other, into: self, qk_f32_div, Float.self, /)
    case .f64: Elementwise.binary(self, other, into: self, Double.self, Double.self, /)
    default:
      throw ShapeError(
        "div_", "dividing \(dtype) gives f32, which does not fit in place; use the form without _")
    }
    storage.markChanged()
  }

  private func requireChangeable(_ function: String, with other: Tensor) throws {
    try Tensors.require(
      Shape.broadcast(shape, other.shape) == shape, function,
      "cannot combine \(other.shape) into \(shape) in place")
    try Tensors.require(
      dtype == other.dtype && dtype != .bool, function, "cannot combine \(other.dtype) into \(dtype) in place"
    )
    if Tape.gradientsEnabled && (wantsGradient || other.wantsGradient) {
      throw AutogradError(
        "\(function): a gradient flows through this tensor, a change in place would lose it; "
          + "use the form without _, or no_grad")
    }
  }
}
