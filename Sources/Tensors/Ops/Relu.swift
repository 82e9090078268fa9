import CKernels

/// `y = max(x, 0)`; NaN stays NaN, the slope at 0 is 0. ONNX Relu.
public struct Relu: NumericUnaryOp {
  public static let name = "relu"
  public var keepsOutput: Bool { true }
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_relu, qk_f32_relu_backward) }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { x < 0 ? 0 : x }

  @inline(__always)
  public func slope<T: Real>(_ y: T) -> T { y > 0 ? 1 : 0 }

  /// The gradient before relu, given that behind it and the result `y`.
  static func gradient(_ dy: Tensor, through y: Tensor) throws -> Tensor {
    try Relu().backward(dy, Record(inputs: [y], needs: [true], output: y))[0] ?? dy
  }

  /// Relu of contiguous fp32 numbers where they are.
  static func apply(_ count: Int, _ numbers: UnsafeMutablePointer<Float>) {
    qk_f32_relu(count, numbers, numbers)
  }
}
