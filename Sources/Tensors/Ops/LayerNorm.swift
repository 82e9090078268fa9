import CKernels

/// Normalisation over the last `axes` dimensions of each sample (Ba et al., "Layer normalization", 2016).
/// ONNX LayerNormalization.
///
/// Inputs: `x`, then optionally `weight` and `bias`, both of the shape of the normalised dimensions.
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, with the biased variance.
public struct LayerNorm: Op {
  public static let name = "layer_norm"
  /// How many trailing dimensions are normalised together.
  public let axes: Int
  public let epsilon: Double

  public init(axes: Int = 1, epsilon: Double = 1e-5) { (self.axes, self.epsilon) = (axes, epsilon) }

  public func shape(of s: [Shape]) throws -> Shape {
    let x = s[0]
    try require(axes >= 1 && axes <= x.rank, "cannot normalise the last \(axes) dimensions of \(x)")
    let normalized = Shape(x.suffix(axes))
    for (name, shape) in zip(["weight", "bias"], s.dropFirst()) {
      try require(shape == normalized, "input \(x) ends in \(normalized), \(name) is \(shape)")
    }
    try require(normalized.elements > 0, "input \(x) has nothing to normalise over")
    return x
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].contiguous()
    let (weight, bias) = (
      try t.count > 1 ? t[1].contiguous() : nil, try t.count > 2 ? t[2].contiguous() : nil
    )
    let y = try Tensor(undefined: x.shape, x.dtype)
    let (rows, n) = extents(x.shape)
    let (mean, rstd) = (try Tensor(undefined: [rows], x.dtype), try Tensor(undefined: [rows], x.dtype))
    if x.dtype == .f64 {
      reference(x, weight, bias, y, mean, rstd)
    } else {
      ThreadTeam.divide(rows, of: n) { part in
        let (row, first) = (part.lowerBound, part.lowerBound * n)
        qk_f32_layer_norm(
          part.count, n, x.floats + first, weight?.floats, bias?.floats, Float(epsilon), y.floats + first,
          mean.floats + row, rstd.floats + row)
      }
    }
    context.save(mean, rstd)
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, dy) = (try record.inputs[0].contiguous(), try dy.contiguous())
    let weight = try record.inputs.count > 1 ? record.inputs[1].contiguous() : nil
    let (mean, rstd) = (record.saved[0], record.saved[1])
    let dx = try Tensor(undefined: x.shape, x.dtype)
    let normalized = Shape(x.shape.suffix(axes))
    let (dWeight, dBias) = (
      try Tensor(undefined: normalized, x.dtype), try Tensor(undefined: normalized, x.dtype)
    )
    let (rows, n) = extents(x.shape)
    if x.dtype == .f64 {
      referenceGradient(dy, x, weight, mean, rstd, dx, dWeight, dBias)
    } else {
      if record.needs[0] {
        ThreadTeam.divide(rows, of: n) { part in
          let (row, first) = (part.lowerBound, part.lowerBound * n)
          qk_f32_layer_norm_backward(
            part.count, n, dy.floats + first, x.floats + first, weight?.floats, mean.floats + row,
            rstd.floats + row, dx.floats + first)
        }
      }
      if record.needs.dropFirst().contains(true) {
        qk_f32_layer_norm_backward_parameters(
          rows, n, dy.floats, x.floats, mean.floats, rstd.floats, dWeight.floats, dBias.floats)
      }
    }
    return Array([dx, dWeight, dBias].prefix(record.inputs.count))
  }

  private func extents(_ x: Shape) -> (rows: Int, n: Int) {
    let n = x.suffix(axes).reduce(1, *)
    return (x.elements / n, n)
  }
}

// As the formulas read, in double precision.
extension LayerNorm {
  private func reference(
    _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ y: Tensor, _ mean: Tensor, _ rstd: Tensor
  ) {
    let (rows, n) = extents(x.shape)
    let (input, output) = (x.pointer(Double.self), y.pointer(Double.self))
    let (gain, shift) = (weight?.pointer(Double.self), bias?.pointer(Double.self))
    for row in 0..<rows {
      let line = UnsafeBufferPointer(start: input + row * n, count: n)
      let average = line.reduce(0, +) / Double(n)
      let variance = line.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(n)
      let scale = 1 / (variance + epsilon).squareRoot()
      mean.pointer(Double.self)[row] = average
      rstd.pointer(Double.self)[row] = scale
      for i in 0..<n {
        output[row * n + i] = (line[i] - average) * scale * (gain?[i] ?? 1) + (shift?[i] ?? 0)
      }
    }
  }

  private func referenceGradient(
    _ dy: Tensor, _ x: Tensor, _ weight: Tensor?, _ mean: Tensor, _ rstd: Tensor, _ dx: Tensor,
    _ dWeight: Tensor, _ dBias: Tensor
  ) {
    let (rows, n) = extents(x.shape)
    let (gradient, input, result) = (dy.pointer(Double.self), x.pointer(Double.self), dx.pointer(Double.self))
    let (dGain, dShift) = (dWeight.pointer(Double.self), dBias.pointer(Double.self))
    let gain = weight?.pointer(Double.self)
    dWeight.fillElements(0)
    dBias.fillElements(0)
    for row in 0..<rows {
      let (average, scale) = (mean.pointer(Double.self)[row], rstd.pointer(Double.self)[row])
      var (sum, product) = (0.0, 0.0)
      for i in 0..<n {
        let normalized = (input[row * n + i] - average) * scale
        let upstream = gradient[row * n + i]
        dGain[i] += upstream * normalized
        dShift[i] += upstream
        sum += upstream * (gain?[i] ?? 1)
        product += upstream * (gain?[i] ?? 1) * normalized
      }
      for i in 0..<n {
        let normalized = (input[row * n + i] - average) * scale
        let upstream = gradient[row * n + i] * (gain?[i] ?? 1)
        result[row * n + i] = scale * (upstream - (sum + normalized * product) / Double(n))
      }
    }
  }
}
