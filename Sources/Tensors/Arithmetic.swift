/// A number type of a tensor: everything but bool. Floats follow IEEE 754, integers wrap around, so that no
/// input traps.
public protocol NumericElement: Element, Numeric {
  static func adding(_ a: Self, _ b: Self) -> Self
  static func subtracting(_ a: Self, _ b: Self) -> Self
  static func multiplying(_ a: Self, _ b: Self) -> Self
  static func negating(_ a: Self) -> Self
  /// The value no other is below: minus infinity, or the least integer.
  static var lowest: Self { get }
  /// The value no other is above.
  static var highest: Self { get }
}

extension NumericElement where Self: FixedWidthInteger {
  @inline(__always) public static func adding(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) public static func subtracting(_ a: Self, _ b: Self) -> Self { a &- b }
  @inline(__always) public static func multiplying(_ a: Self, _ b: Self) -> Self { a &* b }
  @inline(__always) public static func negating(_ a: Self) -> Self { 0 &- a }
  public static var lowest: Self { .min }
  public static var highest: Self { .max }
}

extension NumericElement where Self: BinaryFloatingPoint {
  @inline(__always) public static func adding(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) public static func subtracting(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) public static func multiplying(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) public static func negating(_ a: Self) -> Self { -a }
  public static var lowest: Self { -.infinity }
  public static var highest: Self { .infinity }
}

extension Element {
  /// The larger of two; NaN where either is NaN.
  @inline(__always) static func larger(_ a: Self, _ b: Self) -> Self { a >= b || a != a ? a : b }
  /// The smaller of two; NaN where either is NaN.
  @inline(__always) static func smaller(_ a: Self, _ b: Self) -> Self { a <= b || a != a ? a : b }
}

/// A floating-point element with the functions of the C library in its own precision.
public protocol Real: NumericElement, BinaryFloatingPoint {
  static func exp(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
  static func pow(_ x: Self, _ y: Self) -> Self
}

extension Real {
  @inline(__always) static func sigmoid(_ x: Self) -> Self { 1 / (1 + exp(-x)) }
  /// log(1 + exp(x)), without an exponential that overflows.
  @inline(__always) static func softplus(_ x: Self) -> Self { (x > 0 ? x : 0) + log(1 + exp(-x.magnitude)) }
}
