/// How the real numbers of one tensor are written so that they line up: all whole, or all with as many decimals
/// as the most exact of them needs (four at most), or all scientific where one form does not show them.
struct RealFormat {
  private enum Style {
    case whole
    case fixed(Int)
    case scientific
  }
  private let style: Style

  init(_ values: [Double]) { style = Self.style(values) }

  func text(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return switch style {
    case .whole: Self.fixed(value, 0) + "."
    case .fixed(let digits): Self.fixed(value, digits)
    case .scientific: Self.scientific(value)
    }
  }

  private static func style(_ values: [Double]) -> Style {
    let sizes = values.filter { $0.isFinite && $0 != 0 }.map(abs)
    guard let least = sizes.min(), let most = sizes.max() else { return .whole }
    if most >= 1e8 || least < 1e-4 || most / least > 1e5 && !sizes.allSatisfy({ $0.rounded() == $0 }) {
      return .scientific
    }
    if sizes.allSatisfy({ $0.rounded() == $0 }) { return .whole }
    let decimals = (1...4).first { n in sizes.allSatisfy { decimal($0, n) == decimal($0, 4) } }
    return .fixed(decimals ?? 4)
  }

  /// Whether fewer decimals say the same: compared at the precision that is shown.
  private static func decimal(_ value: Double, _ digits: Int) -> Double {
    let scale = Libm.pow(10, Double(digits))
    return ((value * scale).rounded() / scale * 1e4).rounded()
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = Libm.pow(10, Double(digits))
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    if digits == 0 { return sign + String(scaled) }
    let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(scale))
    let tail = String(rest)
    return "\(sign)\(whole)." + String(repeating: "0", count: digits - tail.utf8.count) + tail
  }

  /// Four decimals and an exponent of two digits at least: `1.2500e-05`.
  private static func scientific(_ value: Double) -> String {
    if value == 0 { return "0.0000e+00" }
    // The powers of ten that reach the smallest numbers are no normal numbers themselves.
    let (size, shift) = abs(value) < 1e-200 ? (abs(value) * 1e200, -200) : (abs(value), 0)
    var exponent = Int(Libm.log10(size).rounded(.down))
    var mantissa = (size / Libm.pow(10, Double(exponent)) * 1e4).rounded()
    if mantissa >= 1e5 { (mantissa, exponent) = (1e4, exponent + 1) }
    if mantissa < 1e4 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    exponent += shift
    let digits = String(abs(exponent))
    let power = (exponent < 0 ? "-" : "+") + (digits.utf8.count < 2 ? "0" : "") + digits
    return (value < 0 ? "-" : "") + fixed(mantissa / 1e4, 4) + "e" + power
  }
}
