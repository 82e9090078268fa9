/// The element type of a tensor. Names are those of safetensors and Rust, short enough for a footer: `[f32 4x5]`.
public enum DType: String, CaseIterable, Sendable {
  case bool, u8, i8, i32, i64, f32, f64

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .bool, .u8, .i8: 1
    case .i32, .f32: 4
    case .i64, .f64: 8
    }
  }

  public var isFloatingPoint: Bool { self == .f32 || self == .f64 }

  /// The type both operands are converted to before arithmetic: the wider of the two, floats above
  /// integers; the one pair where neither holds the other (u8, i8) goes to i32.
  public static func promote(_ a: DType, _ b: DType) -> DType {
    if a == b { return a }
    let pair: Set<DType> = [a, b]
    if pair == [.u8, .i8] { return .i32 }
    let order: [DType] = [.bool, .u8, .i8, .i32, .i64, .f32, .f64]
    return order.last { pair.contains($0) } ?? a
  }
}

/// A Swift type that is the element of some tensor.
public protocol Element: Comparable, Sendable, BitwiseCopyable {
  static var dtype: DType { get }
  /// Conversion as C does it, except that what does not fit saturates and NaN becomes 0.
  init(converting value: Double)
  var asDouble: Double { get }
}

extension Float: Real {
  public static var dtype: DType { .f32 }
  public init(converting value: Double) { self = Float(value) }
  public var asDouble: Double { Double(self) }
}

extension Double: Real {
  public static var dtype: DType { .f64 }
  public init(converting value: Double) { self = value }
  public var asDouble: Double { self }
}

extension FixedWidthInteger {
  init(saturating value: Double) {
    if value.isNaN {
      self = 0
    } else if let exact = Self(exactly: value.rounded(.towardZero)) {
      self = exact
    } else {
      self = value < 0 ? .min : .max
    }
  }
}

extension UInt8: NumericElement {
  public static var dtype: DType { .u8 }
  public init(converting value: Double) { self.init(saturating: value) }
  public var asDouble: Double { Double(self) }
}

extension Int8: NumericElement {
  public static var dtype: DType { .i8 }
  public init(converting value: Double) { self.init(saturating: value) }
  public var asDouble: Double { Double(self) }
}

extension Int32: NumericElement {
  public static var dtype: DType { .i32 }
  public init(converting value: Double) { self.init(saturating: value) }
  public var asDouble: Double { Double(self) }
}

extension Int64: NumericElement {
  public static var dtype: DType { .i64 }
  public init(converting value: Double) { self.init(saturating: value) }
  public var asDouble: Double { Double(self) }
}

/// A boolean element, stored as one byte that is 0 or 1.
public struct Truth: Element, Hashable {
  public var byte: UInt8
  public init(_ value: Bool) { byte = value ? 1 : 0 }
  public init(converting value: Double) { byte = value != 0 ? 1 : 0 }
  public var asDouble: Double { Double(byte) }
  public static var dtype: DType { .bool }
  public static func < (a: Truth, b: Truth) -> Bool { a.byte < b.byte }
}

extension DType {
  /// Runs `body` with the Swift type of the elements.
  @inline(__always)
  public func dispatch<Result>(_ body: (any Element.Type) throws -> Result) rethrows -> Result {
    switch self {
    case .bool: try body(Truth.self)
    case .u8: try body(UInt8.self)
    case .i8: try body(Int8.self)
    case .i32: try body(Int32.self)
    case .i64: try body(Int64.self)
    case .f32: try body(Float.self)
    case .f64: try body(Double.self)
    }
  }
}
