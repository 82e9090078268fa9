/// The smallest whole number not below x. ONNX Ceil. Its slope is 0 everywhere.
public struct Ceil: RealUnaryOp {
  public static let name = "ceil"
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x.rounded(.up) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 0 }
}
