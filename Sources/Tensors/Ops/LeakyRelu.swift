/// `y = x` where x is positive, `alpha x` elsewhere. ONNX LeakyRelu.
public struct LeakyRelu: RealUnaryOp {
  public static let name = "leaky_relu"
  public let alpha: Double
  public init(_ alpha: Double = 0.01) { self.alpha = alpha }

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x < 0 ? T(alpha) * x : x }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { x > 0 ? 1 : T(alpha) }
}
