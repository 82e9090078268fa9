/// The nearest whole number, ties to even. ONNX Round. Its slope is 0 everywhere.
public struct Round: RealUnaryOp {
  public static let name = "round"
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x.rounded(.toNearestOrEven) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 0 }
}
