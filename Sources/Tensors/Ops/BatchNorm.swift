import CKernels

/// Batch normalisation of x [N, C], [N, C, L] or [N, C, H, W] (Ioffe and Szegedy, "Batch normalization", ICML 2015).
/// ONNX BatchNormalization.
///
/// Inputs: `x`, `scale` [C], `bias` [C], `running_mean` [C], `running_var` [C]. In evaluation
/// `y = (x - running_mean) / sqrt(running_var + epsilon) * scale + bias`. In training the statistics are those
/// of the batch (biased variance), and the running ones move towards them in place by the share `momentum`
/// (PyTorch's meaning; the unbiased variance goes in). That change is not counted as one: backward does not
/// read them.
///
/// Two more things can be done in the same pass over memory: an optional sixth input, of the shape of `x`, is
/// added to the result, and relu follows where `relu` is set. Neither is ever part of a captured graph.
public struct BatchNorm: StatisticsOp {
  public static let name = "batch_norm"
  public var keepsOutput: Bool { relu }
  public let epsilon: Double
  public let momentum: Double
  public let isTraining: Bool
  public let relu: Bool
  /// Whether it computes in training, too, what it does in evaluation.
  public let isFrozen: Bool

  public init(
    epsilon: Double = 1e-5, momentum: Double = 0.1, training: Bool = false, relu: Bool = false,
    frozen: Bool = false
  ) {
    (self.epsilon, self.momentum, isTraining, self.relu) = (epsilon, momentum, training && !frozen, relu)
    isFrozen = frozen
  }

  public func mode(training: Bool) -> any Op {
    BatchNorm(epsilon: epsilon, momentum: momentum, training: training, relu: relu, frozen: isFrozen)
  }

  public var withRelu: (any Op)? {
    BatchNorm(epsilon: epsilon, momentum: momentum, training: isTraining, relu: true, frozen: isFrozen)
  }

  public var frozen: any Op {
    BatchNorm(epsilon: epsilon, momentum: momentum, relu: relu, frozen: true)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    let x = s[0]
    try require((2...4).contains(x.rank), "input must be [N, C], [N, C, L] or [N, C, H, W], got \(x)")
    for (name, shape) in zip(["scale", "bias", "running_mean", "running_var"], s.dropFirst()) {
      try require(shape == [x[1]], "input \(x) has \(x[1]) channels, \(name) is \(shape)")
    }
    if s.count > 5 { try require(s[5] == x, "cannot add \(s[5]) to the result, which is \(x)") }
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
    let side = t.count > 5 ? try t[5].channelsInnermost() : nil
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
      if !Tape.isRecomputing {
        updateRunning(t[3], m, correction: 1, T.self)
        updateRunning(t[4], r, correction: T(rows.rows) / T(rows.rows - 1), T.self)
      }
    } else {
      mean.copyElements(from: t[3])
      rstd.copyElements(from: t[4])
    }
    let (factor, shift) = try factors(scale, bias, mean, varianceToRstd: rstd, T.self)
    withExtendedLifetime(side) {
      rows.scaleShift(
        x.pointer(), factor.pointer(), shift.pointer(), side.map { UnsafePointer($0.pointer(T.self)) },
        relu: relu, y.pointer())
    }
    context.save(mean, rstd, factor, shift)
    return y
  }

  /// What evaluation multiplies each channel by and adds to it, given scale, bias and running statistics, all f32.
  func evaluationFactors(_ parameters: [Tensor]) throws -> (factor: Tensor, shift: Tensor) {
    let given = try parameters.map { try $0.contiguous() }
    return try factors(given[0], given[1], given[2], varianceToRstd: given[3].copy(), Float.self)
  }

  /// `factor = scale rstd`, `shift = bias - mean factor`, and `rstd` in the place of the variance.
  private func factors<T: BinaryFloatingPoint & Element>(
    _ scale: Tensor, _ bias: Tensor, _ mean: Tensor, varianceToRstd rstd: Tensor, _: T.Type
  ) throws -> (factor: Tensor, shift: Tensor) {
    let (factor, shift) = (
      try Tensor(undefined: mean.shape, T.dtype), try Tensor(undefined: mean.shape, T.dtype)
    )
    let (f, s, g, b) = (
      factor.pointer(T.self), shift.pointer(T.self), scale.pointer(T.self), bias.pointer(T.self)
    )
    let (m, r) = (mean.pointer(T.self), rstd.pointer(T.self))
    for c in 0..<mean.count {
      r[c] = 1 / (r[c] + T(epsilon)).squareRoot()
      f[c] = g[c] * r[c]
      s[c] = b[c] - m[c] * f[c]
    }
    return (factor, shift)
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
    let x = try record.inputs[0].channelsInnermost()
    let hasSide = record.inputs.count > 5
    // In training the kernels find out themselves where relu lets the gradient through.
    let findsRelu = relu && isTraining && !hasSide
    let dy =
      try relu && !findsRelu
      ? Relu.gradient(dy.channelsInnermost(), through: record.output) : dy.channelsInnermost()
    let scale = try record.inputs[1].contiguous()
    let saved = record.saved
    let (m, r) = (saved[0].pointer(T.self), saved[1].pointer(T.self))
    let (f, s) = (saved[2].pointer(T.self), saved[3].pointer(T.self))
    let rectifier: R.Rectifier? = findsRelu ? (scale: UnsafePointer(f), shift: UnsafePointer(s)) : nil
    let channels = x.shape[1]
    let rows = R(rows: x.count / max(channels, 1), channels: channels)
    let (dScale, dBias) = (
      try Tensor(undefined: [channels], T.dtype), try Tensor(undefined: [channels], T.dtype)
    )
    rows.parameterGradients(dy.pointer(), x.pointer(), m, r, rectifier, dScale.pointer(), dBias.pointer())
    let rest = [dScale, dBias, nil, nil] + (hasSide ? [dy] : [])
    guard record.needs[0] else { return [nil] + rest }
    let dx = try Tensor(undefined: x.shape, T.dtype, format: x.shape.channelsInnermost)
    if isTraining {
      rows.inputGradient(
        dy.pointer(), x.pointer(), scale.pointer(), m, r, rectifier, dScale.pointer(), dBias.pointer(),
        dx.pointer())
    } else {
      let zero = try Tensor.zeros([channels], T.dtype)
      rows.scaleShift(dy.pointer(), saved[2].pointer(), zero.pointer(), nil, relu: false, dx.pointer())
    }
    return [dx] + rest
  }
}
