import CKernels

/// `y = sqrt(x)`, NaN below 0. ONNX Sqrt.
public struct Sqrt: RealUnaryOp {
  public static let name = "sqrt"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_sqrt) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x.squareRoot() }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { 1 / (2 * y) }
}
