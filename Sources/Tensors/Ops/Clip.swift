import CKernels

/// `y = min(max(x, lowest), highest)`; NaN stays NaN. ONNX Clip.
///
/// The slope is 1 between the bounds and 0 outside. On them it is 1, as of PyTorch's clamp; 0 where the range is open,
/// as of PyTorch's relu6 and hardtanh: relu6 of 0 has the slope of relu.
public struct Clip: NumericUnaryOp {
  public static let name = "clip"
  public let lowest: Double
  public let highest: Double
  /// Whether the slope on the bounds is 0; does not change what is computed.
  public let isOpen: Bool

  public init(_ lowest: Double = -.infinity, _ highest: Double = .infinity, isOpen: Bool = false) {
    self.lowest = lowest
    self.highest = highest
    self.isOpen = isOpen
  }

  public static let relu6 = Clip(0, 6, isOpen: true)

  public var kernel: UnaryKernel? {
    let (low, high) = (Float(lowest), Float(highest))
    // The kernel's slope is 1 on its bounds, too.
    let (least, most) = isOpen ? (low.nextUp, high.nextDown) : (low, high)
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
  public func slope<T: Real>(_ x: T) -> T {
    let (low, high) = (T(lowest), T(highest))
    return isOpen ? (x > low && x < high ? 1 : 0) : (x >= low && x <= high ? 1 : 0)
  }
}
