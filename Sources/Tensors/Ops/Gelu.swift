import CKernels

/// `y = x Phi(x)` with the normal distribution function Phi (Hendrycks and Gimpel, "Gaussian error linear
/// units", 2016). ONNX Gelu.
public struct Gelu: RealUnaryOp {
  public static let name = "gelu"

  public enum Approximation: String, CaseIterable, Sendable {
    /// `Phi(x) = (1 + erf(x / sqrt 2)) / 2`
    case none
    /// `Phi(x) ~ (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`
    case tanh
  }
  public let approximation: Approximation
  public init(_ approximation: Approximation = .none) { self.approximation = approximation }

  public var kernel: UnaryKernel? {
    switch approximation {
    case .none: UnaryKernel(qk_f32_gelu, qk_f32_gelu_backward)
    case .tanh: UnaryKernel(qk_f32_gelu_tanh, qk_f32_gelu_tanh_backward)
    }
  }

  @inline(__always)
  public func value<T: Real>(_ x: T) -> T {
    switch approximation {
    case .none: x * normal(x)
    case .tanh: x * (1 + T.tanh(argument(x))) / 2
    }
  }

  @inline(__always)
  public func slope<T: Real>(_ x: T) -> T {
    switch approximation {
    case .none:
      let density = T(inverseSqrtTwoPi) * T.exp(-x * x / 2)
      return normal(x) + x * density
    case .tanh:
      let t = T.tanh(argument(x))
      let inner = T(sqrtTwoOverPi) * (1 + 3 * T(cubic) * x * x)
      return (1 + t + x * (1 - t * t) * inner) / 2
    }
  }

  @inline(__always)
  private func normal<T: Real>(_ x: T) -> T { (1 + T.erf(x * T(sqrtHalf))) / 2 }

  @inline(__always)
  private func argument<T: Real>(_ x: T) -> T {
    let cube = x * x * x
    return T(sqrtTwoOverPi) * (x + T(cubic) * cube)
  }
}

private let sqrtHalf = 0.7071067811865476
private let sqrtTwoOverPi = 0.7978845608028654
private let inverseSqrtTwoPi = 0.3989422804014327
private let cubic = 0.044715
