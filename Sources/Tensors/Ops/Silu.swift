import CKernels

/// `y = x sigmoid(x)`, also called swish. PyTorch SiLU.
public struct Silu: RealUnaryOp {
  public static let name = "silu"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_silu, qk_f32_silu_backward) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x / (1 + T.exp(-x)) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T {
    let s = T.sigmoid(x)
    return s * (1 + x * (1 - s))
  }
}
