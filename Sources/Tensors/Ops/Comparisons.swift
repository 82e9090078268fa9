import CKernels

/// An element-by-element comparison of two tensors that broadcast, giving bool; no gradient. Comparisons with
/// NaN are false, but for `NotEqual`.
public protocol ComparisonOp: BroadcastingOp {
  /// The fp32 loop in C.
  typealias Kernel = (
    Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int, UnsafeMutablePointer<UInt8>?
  ) -> Void
  var kernel: Kernel { get }
  func holds<T: Element>(_ a: T, _ b: T) -> Bool
}

extension ComparisonOp {
  public func dtype(of a: DType, _ b: DType) throws -> DType {
    try require(a == b, "element types \(a) and \(b) differ; convert one with to(\"\(a)\")")
    return .bool
  }

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    switch a.dtype {
    case .f32: Elementwise.single(a, b, into: y, kernel, Truth.self) { Truth(holds($0, $1)) }
    case .f64: compare(a, b, y, Double.self)
    case .i64: compare(a, b, y, Int64.self)
    case .i32: compare(a, b, y, Int32.self)
    case .i8: compare(a, b, y, Int8.self)
    case .u8: compare(a, b, y, UInt8.self)
    case .bool: compare(a, b, y, Truth.self)
    }
    return y
  }

  private func compare<T: Element>(_ a: Tensor, _ b: Tensor, _ y: Tensor, _: T.Type) {
    Elementwise.binary(a, b, into: y, T.self, Truth.self) { Truth(holds($0, $1)) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil, nil] }
}

/// `a == b`. ONNX Equal.
public struct Equal: ComparisonOp {
  public static let name = "equal"
  public var kernel: Kernel { qk_f32_equal }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a == b }
}

/// `a != b`. ONNX Not of Equal.
public struct NotEqual: ComparisonOp {
  public static let name = "not_equal"
  public var kernel: Kernel { qk_f32_not_equal }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a != b }
}

/// `a < b`. ONNX Less.
public struct Less: ComparisonOp {
  public static let name = "less"
  public var kernel: Kernel { qk_f32_less }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a < b }
}

/// `a <= b`. ONNX LessOrEqual.
public struct LessOrEqual: ComparisonOp {
  public static let name = "less_equal"
  public var kernel: Kernel { qk_f32_less_equal }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a <= b }
}

/// `a > b`. ONNX Greater.
public struct Greater: ComparisonOp {
  public static let name = "greater"
  public var kernel: Kernel { qk_f32_greater }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a > b }
}

/// `a >= b`. ONNX GreaterOrEqual.
public struct GreaterOrEqual: ComparisonOp {
  public static let name = "greater_equal"
  public var kernel: Kernel { qk_f32_greater_equal }
  public init() {}
  @inline(__always) public func holds<T: Element>(_ a: T, _ b: T) -> Bool { a >= b }
}
