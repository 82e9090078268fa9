import CKernels

/// Batch normalisation of x [N, C], [N, C, L] or [N, C, H, W] (Ioffe and Szegedy, "Batch normalization", ICML 2015).
/// ONNX BatchNormalization.
///
/// Inputs: `x`, `scale` [C], `bias` [C], `running_mean` [C], `running_var` [C]. In evaluation
/// `y = (x - running_mean) / sqrt(running_var + epsilon) * scale + bias`. In training the statistics are those
/// of the batch (biased variance), and the running ones move towards them in place by the share `momentum`
/// (PyTorch's meaning; the unbiased variance goes in). That change is not counted as one: backward does not
/// read them.
public struct BatchNorm: Op {
  public static let name = "batch_norm"
  public let epsilon: Double
  public let momentum: Double
  public let isTraining: Bool

  public init(epsilon: Double = 1e-5, momentum: Double = 0.1, training: Bool = false) {
    (self.epsilon, self.momentum, isTraining) = (epsilon, momentum, training)
  }

  public func mode(training: Bool) -> any Op {
    BatchNorm(epsilon: epsilon, momentum: momentum, training: training)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    let x = s[0]
    try require((2...4).contains(x.rank), "input must be [N, C], [N, C, L] or [N, C, H, W], got \(x)")
    for (name, shape) in zip(["scale", "bias", "running_mean", "running_var"], s.dropFirst()) {
      try require(shape == [x[1]], "input \(x) has \(x[1]) channels, \(name) is \(shape)")
    }
    let rows = x.elements / max(x[1], 1)
    try require(
      !isTraining || rows > 1 || x.elements == 0,
      "needs more than one value per channel in training, input \(x) has one; use larger batches")
    return x
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 { return try normalize(t, &context, Double.self, PortableRows.self) }
    return try normalize(t, &context, Float.self, KernelRows.self)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    if dy.dtype == .f64 { return try gradients(dy, record, Double.self, PortableRows.self) }
    return try gradients(dy, record, Float.self, KernelRows.self)
  }

  private func normalize<R: ChannelRows>(
    _ t: [Tensor], _ context: inout Context, _: R.Scalar.Type, _: R.Type
  ) throws -> Tensor {
    typealias T = R.Scalar
    let x = try t[0].channelsInnermost()
    let (scale, bias) = (try t[1].contiguous(), try t[2].contiguous())
    let y = try Tensor(undefined: x.shape, T.dtype, format: x.shape.channelsInnermost)
    let channels = x.shape[1]
    let rows = R(rows: x.count / max(channels, 1), channels: channels)
    let (mean, rstd) = (
      try Tensor(undefined: [channels], T.dtype), try Tensor(undefined: [channels], T.dtype)
    )
    let (m, r) = (mean.pointer(T.self), rstd.pointer(T.self))
    if isTraining && x.count > 0 {
      rows.statistics(x.pointer(), m, r)
      updateRunning(t[3], m, correction: 1, T.self)
      updateRunning(t[4], r, correction: T(rows.rows) / T(rows.rows - 1), T.self)
    } else {
      mean.copyElements(from: t[3])
      rstd.copyElements(from: t[4])
    }
    let (factor, shift) = (
      try Tensor(undefined: [channels], T.dtype), try Tensor(undefined: [channels], T.dtype)
    )
    let (f, s, g, b) = (
      factor.pointer(T.self), shift.pointer(T.self), scale.pointer(T.self), bias.pointer(T.self)
    )
    for c in 0..<channels {
      r[c] = 1 / (r[c] + T(epsilon)).squareRoot()
      f[c] = g[c] * r[c]
      s[c] = b[c] - m[c] * f[c]
    }
    rows.scaleShift(x.pointer(), f, s, y.pointer())
    context.save(mean, rstd)
    return y
  }

  /// `running += momentum (correction * batch - running)`.
  private func updateRunning<T: BinaryFloatingPoint & Element>(
    _ running: Tensor, _ batch: UnsafePointer<T>, correction: T, _: T.Type
  ) {
    let (values, step) = (running.pointer(T.self), running.strides[0])
    for c in 0..<running.count {
      values[c * step] = T(1 - momentum) * values[c * step] + T(momentum) * (correction * batch[c])
    }
  }

  private func gradients<R: ChannelRows>(
    _ dy: Tensor, _ record: Record, _: R.Scalar.Type, _: R.Type
  ) throws -> [Tensor?] {
    typealias T = R.Scalar
    let (x, dy) = (try record.inputs[0].channelsInnermost(), try dy.channelsInnermost())
    let scale = try record.inputs[1].contiguous()
    let (m, r) = (record.saved[0].pointer(T.self), record.saved[1].pointer(T.self))
    let channels = x.shape[1]
    let rows = R(rows: x.count / max(channels, 1), channels: channels)
    let (dScale, dBias) = (
      try Tensor(undefined: [channels], T.dtype), try Tensor(undefined: [channels], T.dtype)
    )
    rows.parameterGradients(dy.pointer(), x.pointer(), m, r, dScale.pointer(), dBias.pointer())
    guard record.needs[0] else { return [nil, dScale, dBias, nil, nil] }
    let dx = try Tensor(undefined: x.shape, T.dtype, format: x.shape.channelsInnermost)
    if isTraining {
      rows.inputGradient(
        dy.pointer(), x.pointer(), scale.pointer(), m, r, dScale.pointer(), dBias.pointer(), dx.pointer())
    } else {
      let (factor, zero) = (try Tensor(undefined: [channels], T.dtype), try Tensor.zeros([channels], T.dtype))
      for c in 0..<channels { factor.pointer(T.self)[c] = scale.pointer(T.self)[c] * r[c] }
      rows.scaleShift(dy.pointer(), factor.pointer(), zero.pointer(), dx.pointer())
    }
    return [dx, dScale, dBias, nil, nil]
  }
}
