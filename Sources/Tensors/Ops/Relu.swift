import CKernels

/// `y = max(x, 0)`; NaN stays NaN, the slope at 0 is 0. ONNX Relu.
public struct Relu: NumericUnaryOp {
  public static let name = "relu"
  public static let keepsOutput = true
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_relu, qk_f32_relu_backward) }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { x < 0 ? 0 : x }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { y > 0 ? 1 : 0 }
}
