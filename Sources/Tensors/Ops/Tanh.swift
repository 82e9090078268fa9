import CKernels

/// `y = tanh(x)`. ONNX Tanh.
public struct Tanh: RealUnaryOp {
  public static let name = "tanh"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_tanh, qk_f32_tanh_backward) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { T.tanh(x) }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { 1 - y * y }
}
