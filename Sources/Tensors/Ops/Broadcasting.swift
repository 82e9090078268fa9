/// An op over two tensors that broadcast to one shape (NumPy's rule) and have one element type.
public protocol BroadcastingOp: TwoInputOp {}

extension BroadcastingOp {
  public func shape(of a: Shape, _ b: Shape) throws -> Shape {
    guard let shape = Shape.broadcast(a, b) else {
      throw ShapeError(name, "shapes \(a) and \(b) do not broadcast")
    }
    return shape
  }

  public func dtype(of a: DType, _ b: DType) throws -> DType { try sharedType(a, b) }

  /// The element type of both operands, which must be a number's.
  func sharedType(_ a: DType, _ b: DType) throws -> DType {
    try require(a == b, "element types \(a) and \(b) differ; convert one with to(\"\(a)\")")
    try require(a != .bool, "bool tensors have no arithmetic; convert with to(\"i32\") first")
    return a
  }
}

/// `y = value(a, b)` element by element, in the operands' type.
public protocol ArithmeticOp: BroadcastingOp {
  /// The fp32 loop in C.
  typealias Kernel = (
    Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int, UnsafeMutablePointer<Float>?
  ) -> Void
  var kernel: Kernel { get }
  func value<T: NumericElement>(_ a: T, _ b: T) -> T
}

extension ArithmeticOp {
  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    fill(a, b, into: y)
    return y
  }

  /// `y = value(a, b)`; `y` may be `a`.
  func fill(_ a: Tensor, _ b: Tensor, into y: Tensor) {
    switch y.dtype {
    case .f32: Elementwise.single(a, b, into: y, kernel, Float.self, value)
    case .f64: Elementwise.binary(a, b, into: y, Double.self, Double.self, value)
    case .i64: Elementwise.binary(a, b, into: y, Int64.self, Int64.self, value)
    case .i32: Elementwise.binary(a, b, into: y, Int32.self, Int32.self, value)
    case .i8: Elementwise.binary(a, b, into: y, Int8.self, Int8.self, value)
    case .u8: Elementwise.binary(a, b, into: y, UInt8.self, UInt8.self, value)
    case .bool: preconditionFailure("sharedType refuses bool")
    }
  }
}

extension Tensor {
  /// The gradient of an input that was broadcast: the sum over what it was repeated along.
  func summed(to target: Shape) throws -> Tensor {
    if shape == target { return self }
    let missing = rank - target.rank
    let axes = (0..<rank).filter { $0 < missing || (target[$0 - missing] == 1 && shape[$0] != 1) }
    return try Sum(axes: axes, keepDims: true)(self).reshaped(target)
  }
}
