/// What the ops with one input and one output of the same shape share.
///
/// `slope` is the derivative in terms of whichever is cheaper: the input, or the output where the op declares
/// `keepsOutput`.
public protocol UnaryOp: OneInputOp {
  func slope<T: Real>(_ v: T) -> T
  /// The fp32 loops in C; nil where the op has none and Swift's are used.
  var kernel: UnaryKernel? { get }
}

/// `y = value(x)` element by element, a function of real numbers; integers give f32.
public protocol RealUnaryOp: UnaryOp {
  func value<T: Real>(_ x: T) -> T
}

/// `y = value(x)` element by element in the type of `x`, integers too.
public protocol NumericUnaryOp: UnaryOp {
  func value<T: NumericElement>(_ x: T) -> T
}

/// A pair of fp32 loops from `qk_f32.h`.
public struct UnaryKernel {
  public typealias Forward = (Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  public typealias Backward = (
    Int, UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
  ) -> Void

  /// `y = f(x)`
  let forward: Forward
  /// `dx = dy f'(v)`
  let backward: Backward?

  init(_ forward: @escaping Forward, _ backward: Backward? = nil) {
    self.forward = forward
    self.backward = backward
  }

  func map(_ x: Tensor) throws -> Tensor {
    try Elementwise.unary(x, Float.self, Float.self) { n, x, y in
      ThreadTeam.divide(n) { forward($0.count, x + $0.lowerBound, y + $0.lowerBound) }
    }
  }
}

extension UnaryOp {
  public var kernel: UnaryKernel? { nil }
  public func shape(of x: Shape) throws -> Shape { x }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let v = keepsOutput ? record.output : record.inputs[0]
    if dy.dtype == .f64 { return [try gradient(dy, v, Double.self)] }
    guard let backward = kernel?.backward else { return [try gradient(dy, v, Float.self)] }
    return [
      try Elementwise.gradient(dy, v, Float.self) { n, dy, v, dx in
        ThreadTeam.divide(n) { backward($0.count, dy + $0.lowerBound, v + $0.lowerBound, dx + $0.lowerBound) }
      }
    ]
  }

  @inline(__always)
  private func gradient<T: Real>(_ dy: Tensor, _ v: Tensor, _: T.Type) throws -> Tensor {
    try Elementwise.gradient(dy, v, T.self) { n, dy, v, dx in
      for i in 0..<n { dx[i] = dy[i] * slope(v[i]) }
    }
  }
}

extension RealUnaryOp {
  public func dtype(of x: DType) throws -> DType { x.isFloatingPoint ? x : .f32 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 { return try Elementwise.unary(x, Double.self) { value($0 as Double) } }
    let x = try x.converted(to: .f32)
    guard let kernel else { return try Elementwise.unary(x, Float.self) { value($0 as Float) } }
    return try kernel.map(x)
  }
}

extension NumericUnaryOp {
  public func dtype(of x: DType) throws -> DType {
    try require(x != .bool, "bool tensors have no arithmetic; convert with to(\"i32\") first")
    return x
  }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    switch context.dtype {
    case .f32:
      guard let kernel else { return try Elementwise.unary(x, Float.self) { value($0 as Float) } }
      return try kernel.map(x)
    case .f64: return try Elementwise.unary(x, Double.self) { value($0 as Double) }
    case .i64: return try Elementwise.unary(x, Int64.self) { value($0 as Int64) }
    case .i32: return try Elementwise.unary(x, Int32.self) { value($0 as Int32) }
    case .i8: return try Elementwise.unary(x, Int8.self) { value($0 as Int8) }
    case .u8: return try Elementwise.unary(x, UInt8.self) { value($0 as UInt8) }
    case .bool: preconditionFailure("dtype(of:) refuses bool")
    }
  }
}
