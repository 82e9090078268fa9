/// Normalisation of each sample over groups of its channels (Wu and He, "Group normalization", ECCV 2018). ONNX
/// GroupNormalization.
///
/// Inputs: `x` [N, C, ...], then optionally `weight` [C] and `bias` [C].
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and biased variance being those of a sample's
/// group of C / groups neighbouring channels.
public struct GroupNorm: ChannelGroupOp {
  public static let name = "group_norm"
  public let groups: Int
  public let epsilon: Double

  public init(groups: Int, epsilon: Double = 1e-5) { (self.groups, self.epsilon) = (groups, epsilon) }

  func groups(of channels: Int) -> Int { groups }
}

/// Normalisation of each channel of each sample (Ulyanov et al., "Instance normalization", 2016): group norm with a
/// group for every channel. ONNX InstanceNormalization.
public struct InstanceNorm: ChannelGroupOp {
  public static let name = "instance_norm"
  public let epsilon: Double

  public init(epsilon: Double = 1e-5) { self.epsilon = epsilon }

  func groups(of channels: Int) -> Int { channels }
}

/// What both share: `groups` statistics for every sample.
protocol ChannelGroupOp: Op {
  var epsilon: Double { get }
  func groups(of channels: Int) -> Int
}

extension ChannelGroupOp {
  public func shape(of s: [Shape]) throws -> Shape {
    let x = s[0]
    try require(x.rank >= 2, "input must be [N, C, ...], got \(x)")
    let groups = groups(of: x[1])
    try require(groups >= 1 || x[1] == 0, "groups must be positive (got \(groups))")
    try require(
      x[1] > 0 && x[1] % groups == 0,
      "input \(x) has \(x[1]) channels, which do not divide into \(groups) groups")
    for (name, shape) in zip(["weight", "bias"], s.dropFirst()) {
      try require(shape == [x[1]], "input \(x) has \(x[1]) channels, \(name) is \(shape)")
    }
    try require(x.dropFirst().allSatisfy { $0 > 0 }, "input \(x) has nothing to normalise over")
    return x
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 { return try normalize(t, &context, Double.self, PortableRows.self) }
    if takesPlanes(t[0]) { return try normalizePlanes(t, &context) }
    return try normalize(t, &context, Float.self, KernelRows.self)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    if dy.dtype == .f64 { return try gradients(dy, record, Double.self, PortableRows.self) }
    if takesPlanes(record.inputs[0]) { return try planeGradients(dy, record) }
    return try gradients(dy, record, Float.self, KernelRows.self)
  }

  private func normalize<R: ChannelRows>(
    _ t: [Tensor], _ context: inout Context, _: R.Scalar.Type, _: R.Type
  ) throws -> Tensor {
    typealias T = R.Scalar
    let x = try t[0].samplesOfRows()
    let (weight, bias) = (
      try t.count > 1 ? t[1].contiguous() : nil, try t.count > 2 ? t[2].contiguous() : nil
    )
    let y = try Tensor(undefined: x.shape, T.dtype, format: x.shape.channelsInnermost)
    let (samples, channels) = (x.shape[0], x.shape[1])
    let size = x.shape.dropFirst().reduce(1, *)
    let rows = R(rows: size / channels, channels: channels)
    let (mean, rstd) = (
      try Tensor(undefined: [samples, channels], T.dtype),
      try Tensor(undefined: [samples, channels], T.dtype)
    )
    let work = try Tensor(undefined: [2, channels], T.dtype)
    let (factor, shift) = (work.pointer(T.self), work.pointer(T.self) + channels)
    for n in 0..<samples {
      let (m, r) = (mean.pointer(T.self) + n * channels, rstd.pointer(T.self) + n * channels)
      rows.statistics(x.pointer(T.self) + n * size, m, r)
      joinGroups(channels, m, r)
      for c in 0..<channels {
        factor[c] = (weight?.pointer(T.self)[c] ?? 1) * r[c]
        shift[c] = (bias?.pointer(T.self)[c] ?? 0) - m[c] * factor[c]
      }
      rows.scaleShift(
        x.pointer(T.self) + n * size, factor, shift, nil, relu: false, y.pointer(T.self) + n * size)
    }
    context.save(mean, rstd)
    return y.view(context.shape, strides: y.strides(ofRows: context.shape))
  }

  /// From every channel's mean and variance to those of its group, written for each of its channels; the second as
  /// `1 / sqrt(variance + epsilon)`. All channels have as many elements, so their means count alike.
  private func joinGroups<T: BinaryFloatingPoint>(
    _ channels: Int, _ mean: UnsafeMutablePointer<T>, _ variance: UnsafeMutablePointer<T>
  ) {
    let width = channels / groups(of: channels)
    for group in stride(from: 0, to: channels, by: width) {
      var (average, spread): (T, T) = (0, 0)
      for c in group..<group + width { average += mean[c] }
      average /= T(width)
      for c in group..<group + width { spread += variance[c] + (mean[c] - average) * (mean[c] - average) }
      let rstd = 1 / (spread / T(width) + T(epsilon)).squareRoot()
      for c in group..<group + width { (mean[c], variance[c]) = (average, rstd) }
    }
  }

  /// With `a` and `b` the means over a group of `weight dy` and `weight dy xhat`:
  /// `dx = rstd (weight dy - a - xhat b)`.
  private func gradients<R: ChannelRows>(
    _ dy: Tensor, _ record: Record, _: R.Scalar.Type, _: R.Type
  ) throws -> [Tensor?] {
    typealias T = R.Scalar
    let shape = record.inputs[0].shape
    let (x, dy) = (try record.inputs[0].samplesOfRows(), try dy.samplesOfRows())
    let weight = try record.inputs.count > 1 ? record.inputs[1].contiguous() : nil
    let dx = try Tensor(undefined: x.shape, T.dtype, format: x.shape.channelsInnermost)
    let (samples, channels) = (x.shape[0], x.shape[1])
    let (dWeight, dBias) = (try Tensor.zeros([channels], T.dtype), try Tensor.zeros([channels], T.dtype))
    let size = x.shape.dropFirst().reduce(1, *)
    let rows = R(rows: size / channels, channels: channels)
    let work = try Tensor(undefined: [5, channels], T.dtype)
    let gain = work.pointer(T.self), bias = gain + channels
    let factor = bias + channels, offset = factor + channels, slope = offset + channels
    for n in 0..<samples {
      let (m, r) = (
        record.saved[0].pointer(T.self) + n * channels, record.saved[1].pointer(T.self) + n * channels
      )
      let (input, upstream) = (x.pointer(T.self) + n * size, dy.pointer(T.self) + n * size)
      rows.parameterGradients(upstream, input, m, r, nil, gain, bias)
      for c in 0..<channels {
        dWeight.pointer(T.self)[c] += gain[c]
        dBias.pointer(T.self)[c] += bias[c]
        let scale = weight?.pointer(T.self)[c] ?? 1
        (gain[c], bias[c], factor[c]) = (scale * gain[c], scale * bias[c], scale * r[c])
      }
      guard record.needs[0] else { continue }
      let width = channels / groups(of: channels)
      let share = 1 / T(width * rows.rows)
      for group in stride(from: 0, to: channels, by: width) {
        var (a, b): (T, T) = (0, 0)
        for c in group..<group + width { (a, b) = (a + bias[c], b + gain[c]) }
        for c in group..<group + width { (offset[c], slope[c]) = (r[c] * a * share, r[c] * r[c] * b * share) }
      }
      rows.mixedGradient(upstream, input, factor, offset, slope, m, dx.pointer(T.self) + n * size)
    }
    let result = dx.view(shape, strides: dx.strides(ofRows: shape))
    return Array([record.needs[0] ? result : nil, dWeight, dBias].prefix(record.inputs.count))
  }
}

extension Tensor {
  /// [N, C, ...] as dense samples of rows of channels; more than two spatial dimensions as one.
  fileprivate func samplesOfRows() throws -> Tensor {
    if rank <= 4 { return try channelsInnermost() }
    let x = try contiguous()
    let folded: Shape = [shape[0], shape[1], shape.dropFirst(2).reduce(1, *)]
    return try x.view(folded, strides: folded.contiguousStrides).channelsInnermost()
  }

  /// The strides under which a result of `samplesOfRows` has the shape it came from.
  fileprivate func strides(ofRows shape: Shape) -> Strides {
    if shape.rank <= 4 { return strides }
    var result = shape.contiguousStrides
    (result[0], result[1]) = (strides[0], 1)
    for i in 2..<shape.rank { result[i] *= shape[1] }
    return result
  }
}
