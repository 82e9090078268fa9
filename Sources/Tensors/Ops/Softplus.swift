/// `y = log(1 + exp(x))`. ONNX Softplus.
public struct Softplus: RealUnaryOp {
  public static let name = "softplus"
  public init() {}

  /// Written so that no exponential overflows.
  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { T.softplus(x) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { T.sigmoid(x) }
}
