/// `y = x` where x is positive, `alpha (exp(x) - 1)` elsewhere (Clevert et al., ICLR 2016). ONNX Elu.
public struct Elu: RealUnaryOp {
  public static let name = "elu"
  public let alpha: Double
  public init(alpha: Double = 1) { self.alpha = alpha }

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x < 0 ? T(alpha) * (T.exp(x) - 1) : x }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { x > 0 ? 1 : T(alpha) * T.exp(x) }
}
