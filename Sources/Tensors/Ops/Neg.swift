import CKernels

/// `y = -x`. ONNX Neg.
public struct Neg: NumericUnaryOp {
  public static let name = "neg"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_neg) }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { .negating(x) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { -1 }
}
