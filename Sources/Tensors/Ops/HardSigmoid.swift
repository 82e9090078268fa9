/// `y = min(max(alpha x + beta, 0), 1)`. ONNX HardSigmoid; the defaults are PyTorch's, ONNX's are 0.2 and 0.5.
public struct HardSigmoid: RealUnaryOp {
  public static let name = "hard_sigmoid"
  public let alpha: Double
  public let beta: Double

  public init(alpha: Double = 1.0 / 6, beta: Double = 0.5) {
    self.alpha = alpha
    self.beta = beta
  }

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T {
    let line = T(alpha) * x + T(beta)
    return line < 0 ? 0 : line > 1 ? 1 : line
  }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T {
    let line = T(alpha) * x + T(beta)
    return line > 0 && line < 1 ? T(alpha) : 0
  }
}
