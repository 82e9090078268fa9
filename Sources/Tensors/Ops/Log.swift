import CKernels

/// `y = ln x`: minus infinity at 0, NaN below. ONNX Log.
public struct Log: RealUnaryOp {
  public static let name = "log"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_log) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { T.log(x) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 1 / x }
}
