#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's functions in double precision, for set-up code, checks and whatever is no hot loop.
/// A namespace, so that `log` and `exp` do not clash with the tensor functions of these names.
public enum Libm {
  #if canImport(Glibc)
    public static func exp(_ x: Double) -> Double { Glibc.exp(x) }
    public static func log(_ x: Double) -> Double { Glibc.log(x) }
    public static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
    public static func cos(_ x: Double) -> Double { Glibc.cos(x) }
    public static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
    public static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  #else
    public static func exp(_ x: Double) -> Double { Darwin.exp(x) }
    public static func log(_ x: Double) -> Double { Darwin.log(x) }
    public static func pow(_ x: Double, _ y: Double) -> Double { Darwin.pow(x, y) }
    public static func cos(_ x: Double) -> Double { Darwin.cos(x) }
    public static func tanh(_ x: Double) -> Double { Darwin.tanh(x) }
    public static func erf(_ x: Double) -> Double { Darwin.erf(x) }
  #endif
}
