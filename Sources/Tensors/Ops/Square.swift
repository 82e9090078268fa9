import CKernels

/// `y = x * x`. ONNX Mul of a tensor with itself.
public struct Square: NumericUnaryOp {
  public static let name = "square"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_square) }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { .multiplying(x, x) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 2 * x }
}
