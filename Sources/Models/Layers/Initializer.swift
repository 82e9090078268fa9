import Tensors

/// The values a parameter starts from: PyTorch's distributions, drawn from the stream "init".
public enum Initializer {
  /// Uniform in [-bound, bound).
  public static func uniform(_ shape: Shape, bound: Double) throws -> Tensor {
    try fill(shape) { (2 * $0.uniform() - 1) * bound }
  }

  /// Normal with mean 0.
  public static func normal(_ shape: Shape, deviation: Double = 1) throws -> Tensor {
    try fill(shape) { $0.normal() * deviation }
  }

  /// Kaiming uniform with a = sqrt 5, PyTorch's choice for the weights of linear and convolution layers:
  /// `bound = gain sqrt(3 / fan_in)` with `gain = sqrt(2 / (1 + a^2))`, which is `1 / sqrt(fan_in)` (He et al.,
  /// "Delving deep into rectifiers", ICCV 2015).
  public static func kaimingUniform(_ shape: Shape) throws -> Tensor {
    try uniform(shape, bound: bound(fanIn: fanIn(shape)))
  }

  /// What PyTorch bounds the bias beside such a weight by.
  public static func bias(_ count: Int, besideWeight weight: Shape) throws -> Tensor {
    try uniform([count], bound: bound(fanIn: fanIn(weight)))
  }

  /// Inputs that one output is computed from, for a weight [O, I, ...].
  private static func fanIn(_ weight: Shape) -> Int { weight.dropFirst().reduce(1, *) }

  private static func bound(fanIn: Int) -> Double { fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0 }

  private static func fill(_ shape: Shape, _ draw: (inout Generator) -> Double) throws -> Tensor {
    let tensor = try Tensor(undefined: shape)
    let values = tensor.floats
    Random.with("init") { generator in
      for i in 0..<tensor.count { values[i] = Float(draw(&generator)) }
    }
    return tensor
  }
}
