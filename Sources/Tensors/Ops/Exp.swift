import CKernels

/// `y = e^x`. ONNX Exp.
public struct Exp: RealUnaryOp {
  public static let name = "exp"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_exp) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { T.exp(x) }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { y }
}
