import CKernels

/// The error function. ONNX Erf.
public struct Erf: RealUnaryOp {
  public static let name = "erf"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_erf) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { T.erf(x) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { T(twoOverSqrtPi) * T.exp(-x * x) }
}

private let twoOverSqrtPi = 1.1283791670955126
