import CKernels

/// `y = |x|`; the slope at 0 is 0, the least integer stays itself. ONNX Abs.
public struct Abs: NumericUnaryOp {
  public static let name = "abs"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_abs) }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { x <= 0 ? .negating(x) : x }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { x > 0 ? 1 : x < 0 ? -1 : 0 }
}
