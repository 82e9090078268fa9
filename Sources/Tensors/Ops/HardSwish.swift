import CKernels

/// `y = x min(max(x + 3, 0), 6) / 6` (Howard et al., "Searching for MobileNetV3", 2019). ONNX HardSwish.
public struct HardSwish: RealUnaryOp {
  public static let name = "hard_swish"
  public var kernel: UnaryKernel? { UnaryKernel(qk_f32_hardswish, qk_f32_hardswish_backward) }
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6 }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6 }
}
