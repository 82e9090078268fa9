import Tensors

/// Numbers and words as C99 reads them, exactly.
enum CNumbers {
  /// A number an array of C can hold.
  protocol Element {
    static var cType: String { get }
    static var cBytes: Int { get }
    var c: String { get throws }
  }

  /// Hexadecimal, so that no compiler rounds it.
  static func hexadecimal(
    _ value: some BinaryFloatingPoint, significand: UInt64, digits: Int, suffix: String
  ) throws -> String {
    try require(value.isFinite, "export", "a number is not finite, which C has no constant for")
    let sign = value.sign == .minus ? "-" : ""
    if value.isZero { return "\(sign)0.0\(suffix)" }
    var fraction = String(significand, radix: 16)
    fraction = String(repeating: "0", count: digits - fraction.count) + fraction
    while fraction.hasSuffix("0") { fraction.removeLast() }
    let exponent = value.isNormal ? Int(value.exponent) : Int(type(of: value).leastNormalMagnitude.exponent)
    let point = fraction.isEmpty ? "" : "."
    return "\(sign)0x\(value.isNormal ? 1 : 0)\(point)\(fraction)p\(exponent)\(suffix)"
  }

  /// What may stand in a comment of anything a file calls a layer.
  static func comment(_ name: String) -> String {
    let kept = Set("()[]{}.:,+-= ".utf8)
    return String(decoding: name.utf8.map { $0.isPartOfName || kept.contains($0) ? $0 : 95 }, as: UTF8.self)
  }
}

extension Int8: CNumbers.Element {
  static let cType = "int8_t", cBytes = 1
  var c: String { "\(self)" }
}

extension UInt8: CNumbers.Element {
  static let cType = "uint8_t", cBytes = 1
  var c: String { "\(self)" }
}

extension Int32: CNumbers.Element {
  static let cType = "int32_t", cBytes = 4
  /// The least one is no constant of C: its digits alone are too large a number.
  var c: String { self == .min ? "-2147483647 - 1" : "\(self)" }
}

extension UInt32: CNumbers.Element {
  static let cType = "uint32_t", cBytes = 4
  var c: String { "\(self)u" }
}

extension Float: CNumbers.Element {
  static let cType = "float", cBytes = 4
  var c: String {
    get throws {
      try CNumbers.hexadecimal(self, significand: UInt64(significandBitPattern) << 1, digits: 6, suffix: "f")
    }
  }
}

extension Double: CNumbers.Element {
  static let cType = "double", cBytes = 8
  var c: String {
    get throws { try CNumbers.hexadecimal(self, significand: significandBitPattern, digits: 13, suffix: "") }
  }
}
