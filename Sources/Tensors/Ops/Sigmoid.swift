import CKernels

/// `y = 1 / (1 + e^-x)`. ONNX Sigmoid.
public struct Sigmoid: RealUnaryOp {
  public static let name = "sigmoid"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_sigmoid, qk_f32_sigmoid_backward) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { .sigmoid(x) }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { y * (1 - y) }
}
