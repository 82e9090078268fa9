import CKernels

/// `y = max(x, 0) + slope min(x, 0)` with a learnt slope (He et al., "Delving deep into rectifiers", ICCV 2015).
/// ONNX PRelu.
///
/// Inputs: `x` and `slope`, which broadcasts to the shape of x: [C, 1, 1] for one of each channel of an image.
public struct PRelu: Op {
  public static let name = "prelu"
  public init() {}

  public func shape(of s: [Shape]) throws -> Shape {
    try require(Shape.broadcast(s[0], s[1]) == s[0], "slope \(s[1]) does not broadcast to input \(s[0])")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try combine(t[0], t[1], qk_f32_prelu) { $0 > 0 ? $0 : $0 * $1 }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, slope) = (record.inputs[0], record.inputs[1])
    var result: [Tensor?] = [nil, nil]
    if record.needs[0] {
      let dx = try combine(x, slope, qk_f32_prelu_slope) { $0 > 0 ? 1 : $1 }
      Mul().fill(dx, dy, into: dx)
      result[0] = dx
    }
    if record.needs[1] {
      result[1] = try combine(x, dy, qk_f32_prelu_share) { $0 > 0 ? 0 : $0 * $1 }.summed(to: slope.shape)
    }
    return result
  }

  /// A new tensor of the shape of `x` by a kernel, or in double precision by what it computes.
  private func combine(
    _ x: Tensor, _ other: Tensor, _ kernel: Elementwise.BinaryKernel<Float>,
    _ body: (Double, Double) -> Double
  ) throws -> Tensor {
    let y = try Tensor(undefined: x.shape, x.dtype, format: x.format)
    if x.dtype == .f64 {
      Elementwise.binary(x, other, into: y, Double.self, Double.self, body)
    } else {
      Elementwise.single(x, other, into: y, kernel, Float.self) { Float(body(Double($0), Double($1))) }
    }
    return y
  }
}

extension Tensor {
  /// PyTorch's prelu: `slope` has one element, or one for each channel of [N, C, ...].
  public func prelu(_ slope: Tensor) throws -> Tensor {
    if slope.count == 1 { return try PRelu()(self, slope) }
    try Tensors.require(
      slope.rank == 1 && rank >= 2 && shape[1] == slope.count, PRelu.name,
      "slope \(slope.shape) must have one element, or one for each channel of input \(shape)")
    return try PRelu()(self, slope.reshaped(Shape([slope.count] + Array(repeating: 1, count: rank - 2))))
  }
}
