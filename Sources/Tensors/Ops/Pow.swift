import CKernels

/// `y = a ^ b` element by element, broadcasting. ONNX Pow with operands of one type.
///
/// Integers wrap around; an integer to a negative power is refused, since its value is no integer.
public struct Pow: BroadcastingOp {
  public static let name = "pow"
  public init() {}

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    switch context.dtype {
    case .f32: Elementwise.single(a, b, into: y, qk_f32_pow, Float.self, Float.pow)
    case .f64: Elementwise.binary(a, b, into: y, Double.self, Double.self, Double.pow)
    case .i64: try integers(a, b, y, Int64.self)
    case .i32: try integers(a, b, y, Int32.self)
    case .i8: try integers(a, b, y, Int8.self)
    case .u8: try integers(a, b, y, UInt8.self)
    case .bool: preconditionFailure("sharedType refuses bool")
    }
    return y
  }

  private func integers<T: NumericElement & FixedWidthInteger>(
    _ a: Tensor, _ b: Tensor, _ y: Tensor, _: T.Type
  ) throws {
    let exponents = try b.contiguous()
    let negative = UnsafeBufferPointer(start: exponents.pointer(T.self), count: b.count).first { $0 < 0 }
    if let negative {
      throw ShapeError(
        name, "an integer to the power \(negative) is no integer; convert with to(\"f32\") first")
    }
    Elementwise.binary(a, b, into: y, T.self, T.self) { base, exponent in
      var (result, square, bits) = (T(1), base, exponent)
      while bits != 0 {
        if bits & 1 == 1 { result = result &* square }
        square = square &* square
        bits >>= 1
      }
      return result
    }
  }

  /// `da = dy b a^(b-1)`, `db = dy a^b ln a`; 0 where the power does not move (b = 0; a = 0 with b >= 0).
  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    dy.dtype == .f64 ? try gradients(dy, record, Double.self) : try gradients(dy, record, Float.self)
  }

  private func gradients<T: Real>(_ dy: Tensor, _ record: Record, _: T.Type) throws -> [Tensor?] {
    let (a, b) = (record.inputs[0], record.inputs[1])
    var result: [Tensor?] = [nil, nil]
    if record.needs[0] {
      let slope = try Elementwise.map(a, b, T.self) { $1 == 0 ? 0 : $1 * T.pow($0, $1 - 1) }
      result[0] = try Mul()(dy, slope).summed(to: a.shape)
    }
    if record.needs[1] {
      let slope = try Elementwise.map(a, b, T.self) { $0 == 0 && $1 >= 0 ? 0 : T.pow($0, $1) * T.log($0) }
      result[1] = try Mul()(dy, slope).summed(to: b.shape)
    }
    return result
  }
}
