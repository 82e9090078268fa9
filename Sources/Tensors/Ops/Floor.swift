/// The largest whole number not above x. ONNX Floor. Its slope is 0 everywhere.
public struct Floor: RealUnaryOp {
  public static let name = "floor"
  public init() {}

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T { x.rounded(.down) }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 0 }
}
