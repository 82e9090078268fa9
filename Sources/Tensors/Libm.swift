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
    public static func log10(_ x: Double) -> Double { Glibc.log10(x) }
    public static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
    public static func cos(_ x: Double) -> Double { Glibc.cos(x) }
    public static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
    public static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  #else
    public static func exp(_ x: Double) -> Double { Darwin.exp(x) }
    public static func log(_ x: Double) -> Double { Darwin.log(x) }
    public static func log10(_ x: Double) -> Double { Darwin.log10(x) }
    public static func pow(_ x: Double, _ y: Double) -> Double { Darwin.pow(x, y) }
    public static func cos(_ x: Double) -> Double { Darwin.cos(x) }
    public static func tanh(_ x: Double) -> Double { Darwin.tanh(x) }
    public static func erf(_ x: Double) -> Double { Darwin.erf(x) }
  #endif
}

extension Float {
  #if canImport(Glibc)
    @inline(__always) public static func exp(_ x: Float) -> Float { Glibc.expf(x) }
    @inline(__always) public static func log(_ x: Float) -> Float { Glibc.logf(x) }
    @inline(__always) public static func tanh(_ x: Float) -> Float { Glibc.tanhf(x) }
    @inline(__always) public static func erf(_ x: Float) -> Float { Glibc.erff(x) }
    @inline(__always) public static func pow(_ x: Float, _ y: Float) -> Float { Glibc.powf(x, y) }
  #else
    @inline(__always) public static func exp(_ x: Float) -> Float { Darwin.expf(x) }
    @inline(__always) public static func log(_ x: Float) -> Float { Darwin.logf(x) }
    @inline(__always) public static func tanh(_ x: Float) -> Float { Darwin.tanhf(x) }
    @inline(__always) public static func erf(_ x: Float) -> Float { Darwin.erff(x) }
    @inline(__always) public static func pow(_ x: Float, _ y: Float) -> Float { Darwin.powf(x, y) }
  #endif
}

extension Double {
  @inline(__always) public static func exp(_ x: Double) -> Double { Libm.exp(x) }
  @inline(__always) public static func log(_ x: Double) -> Double { Libm.log(x) }
  @inline(__always) public static func tanh(_ x: Double) -> Double { Libm.tanh(x) }
  @inline(__always) public static func erf(_ x: Double) -> Double { Libm.erf(x) }
  @inline(__always) public static func pow(_ x: Double, _ y: Double) -> Double { Libm.pow(x, y) }
}
