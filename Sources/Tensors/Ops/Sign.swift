/// -1, 0 or 1 as x is negative, zero or positive; its slope is 0 everywhere. ONNX Sign.
public struct Sign: NumericUnaryOp {
  public static let name = "sign"
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ x: T) -> T { x > 0 ? 1 : x < 0 ? .subtracting(0, 1) : x }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T { 0 }
}
