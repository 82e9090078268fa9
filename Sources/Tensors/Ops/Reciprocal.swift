import CKernels

/// `y = 1 / x`. ONNX Reciprocal.
public struct Reciprocal: RealUnaryOp {
  public static let name = "reciprocal"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_reciprocal) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { 1 / x }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { -(y * y) }
}
