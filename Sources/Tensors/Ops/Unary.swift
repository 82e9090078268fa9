/// `y = value(x)` element by element, a function of real numbers; integers give f32.
///
/// `slope` is the derivative in terms of whichever is cheaper: the input, or the output where the op declares
/// `keepsOutput`.
public protocol RealUnaryOp: Op {
  func value<T: Real>(_ x: T) -> T
  func slope<T: Real>(_ v: T) -> T
}

/// `y = value(x)` element by element in the type of `x`, integers too. `slope` as in `RealUnaryOp`.
public protocol NumericUnaryOp: Op {
  func value<T: NumericElement>(_ x: T) -> T
  func slope<T: Real>(_ v: T) -> T
}

extension RealUnaryOp {
  public func shape(of s: [Shape]) throws -> Shape { s[0] }
  public func dtype(of types: [DType]) throws -> DType { types[0].isFloatingPoint ? types[0] : .f32 }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 { return try Elementwise.unary(t[0], Double.self) { value($0 as Double) } }
    return try Elementwise.unary(try t[0].converted(to: .f32), Float.self) { value($0 as Float) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let v = Self.keepsOutput ? record.output : record.inputs[0]
    if dy.dtype == .f64 { return [try Elementwise.map(dy, v, Double.self) { $0 * slope($1) }] }
    return [try Elementwise.map(dy, v, Float.self) { $0 * slope($1) }]
  }
}

extension NumericUnaryOp {
  public func shape(of s: [Shape]) throws -> Shape { s[0] }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[0] != .bool, "bool tensors have no arithmetic; convert with to(\"i32\") first")
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    switch context.dtype {
    case .f32: try Elementwise.unary(t[0], Float.self) { value($0 as Float) }
    case .f64: try Elementwise.unary(t[0], Double.self) { value($0 as Double) }
    case .i64: try Elementwise.unary(t[0], Int64.self) { value($0 as Int64) }
    case .i32: try Elementwise.unary(t[0], Int32.self) { value($0 as Int32) }
    case .i8: try Elementwise.unary(t[0], Int8.self) { value($0 as Int8) }
    case .u8: try Elementwise.unary(t[0], UInt8.self) { value($0 as UInt8) }
    case .bool: preconditionFailure("dtype(of:) refuses bool")
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let v = Self.keepsOutput ? record.output : record.inputs[0]
    if dy.dtype == .f64 { return [try Elementwise.map(dy, v, Double.self) { $0 * slope($1) }] }
    return [try Elementwise.map(dy, v, Float.self) { $0 * slope($1) }]
  }
}
