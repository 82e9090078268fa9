import CKernels
import Models
import Tensors

/// Activations as the integer kernels will see them, in training: the nearest values of the grid that covers
/// the range seen so far (Jacob et al., "Quantization and training of neural networks for efficient
/// integer-arithmetic-only inference", CVPR 2018, section 3).
///
/// Inputs: `x`, f32, and `range` [2], its lowest and highest value. In training the range moves in place by the
/// share `momentum` towards that of the batch, beginning with the first batch's own; that change is not counted
/// as one. The gradient passes where the grid reaches, and is 0 outside (straight-through estimator).
public struct FakeQuantize: Op {
  public static let name = "fake_quantize"
  public let scheme: ActivationScheme
  public let momentum: Double
  public let isTraining: Bool

  public init(_ scheme: ActivationScheme = ActivationScheme(), momentum: Double = 0.1, training: Bool = false)
  {
    (self.scheme, self.momentum, isTraining) = (scheme, momentum, training)
  }

  public func mode(training: Bool) -> any Op { FakeQuantize(scheme, momentum: momentum, training: training) }

  /// The range of nothing seen yet.
  public static func unseen() throws -> Tensor { try Tensor([2], [Float.infinity, -.infinity]) }

  /// The grid that covers a range; one nothing was seen of has only 0.
  public func params(_ range: Tensor) -> QuantParams {
    let (low, high) = (range.floats[0], range.floats[range.strides[0]])
    return low <= high ? scheme.params(covering: low, high) : scheme.params(covering: 0, 0)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[1] == [2], "range must be [2], got \(s[1])")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    for type in types { try require(type == .f32, "input and range must be f32, got \(type)") }
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, range) = (try t[0].dense(), t[1])
    let seen = qk_minmax_f32(qk_isa_active(), isTraining || context.recording ? x.count : 0, x.floats)
    if isTraining && !Tape.isRecomputing && x.count > seen.nan_count + seen.inf_count {
      move(range, seen.min, seen.max)
    }
    let params = params(range)
    let zero = Float(params.zeroPoint)
    let (least, most) = (Float(params.lowest) - zero, Float(params.highest) - zero)
    let y = try Tensor(undefined: x.shape, .f32, format: x.format)
    qk_f32_fake_quantize(x.count, x.floats, params.scale, least, most, y.floats)
    // Numbers up to half a step outside still round to the grid.
    let (low, high) = ((least - 0.5) * params.scale, (most + 0.5) * params.scale)
    let cuts = seen.nan_count + seen.inf_count > 0 || seen.min < low || seen.max > high
    context.save(try Tensor([3], [low, high, cuts ? 1 : 0]))
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let limits = record.saved[0].floats
    if limits[2] == 0 { return [dy, nil] }
    let x = try record.inputs[0].dense()
    let slope = try dy.inFormat(x.format)
    let dx = try Tensor(undefined: x.shape, .f32, format: x.format)
    qk_f32_clip_backward(x.count, slope.floats, x.floats, limits[0], limits[1], dx.floats)
    return [dx, nil]
  }

  private func move(_ range: Tensor, _ low: Float, _ high: Float) {
    let (values, step) = (range.floats, range.strides[0])
    let isFirst = values[0] > values[step]
    let share = isFirst ? 1 : Float(momentum)
    values[0] = isFirst ? low : values[0] + share * (low - values[0])
    values[step] = isFirst ? high : values[step] + share * (high - values[step])
  }
}

/// Weights as the integer kernels will see them, in training: rounded to the grid of `scheme` that fits them. The
/// gradient passes unchanged.
///
/// A batch norm behind the layer may stay: folding it multiplies a channel's weights and its scale alike, and
/// leaves the integers what they are.
public struct FakeQuantizeWeight: Op {
  public static let name = "fake_quantize_weight"
  public let scheme: WeightScheme

  public init(_ scheme: WeightScheme = WeightScheme()) { self.scheme = scheme }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank > 0, "weight must have at least one dimension, got a scalar")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[0] == .f32, "weight must be f32, got \(types[0])")
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    guard case .integer = scheme.levels, scheme.isSymmetric, !scheme.powerOfTwo, !scheme.hasGroups else {
      return try WeightQuantizer(weight: t[0], scheme: scheme).dequantized(t[0])
    }
    // The same numbers in two passes over memory.
    let weight = try t[0].contiguous()
    let y = try Tensor(undefined: weight.shape)
    let most = Float(scheme.codes.upperBound)
    for slice in scheme.granularity.slices(of: weight.shape) {
      let from = weight.floats + slice.lowerBound
      let found = qk_minmax_f32(qk_isa_active(), slice.count, from)
      let scale = max(-found.min, found.max) / most
      qk_f32_fake_quantize(
        slice.count, from, scale.isNormal ? scale : 1, -most, most, y.floats + slice.lowerBound)
    }
    return withExtendedLifetime(weight) { y }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [dy] }
}
