/// `y = x tanh(softplus(x))` (Misra, "Mish", BMVC 2020). ONNX Mish.
public struct Mish: RealUnaryOp {
  public static let name = "mish"
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x * T.tanh(T.softplus(x)) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T {
    let t = T.tanh(T.softplus(x))
    return t + x * (1 - t * t) * T.sigmoid(x)
  }
}
