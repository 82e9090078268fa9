import CKernels

/// `y = min(max(x, lowest), highest)`; NaN stays NaN. ONNX Clip; ReLU6 is `Clip(0, 6)`.
///
/// The slope is 1 between the bounds, 0 on them and outside: relu6 of 0 has the slope of relu. PyTorch's relu6.
public struct Clip: NumericUnaryOp {
  public static let name = "clip"
  public let lowest: Double
  public let highest: Double

  public init(_ lowest: Double = -.infinity, _ highest: Double = .infinity) {
    self.lowest = lowest
    self.highest = highest
  }

  public var kernel: UnaryKernel? {
    let (low, high) = (Float(lowest), Float(highest))
    // The kernel's slope is 1 on its bounds, too.
    let (least, most) = (low.nextUp, high.nextDown)
    return UnaryKernel(
      { qk_f32_clip($0, $1, low, high, $2) }, { qk_f32_clip_backward($0, $1, $2, least, most, $3) })
  }

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T {
    let (low, high) = (T(converting: lowest), T(converting: highest))
    let raised = x < low ? low : x
    return raised > high ? high : raised
  }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { x > T(lowest) && x < T(highest) ? 1 : 0 }
}
