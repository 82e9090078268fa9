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
public struct FakeQuantize: StatisticsOp {
  public static let name = "fake_quantize"
  public let scheme: ActivationScheme
  public let momentum: Double
  /// Whether the zero point is 128, as for values that some op reads as signed weights.
  public let isSymmetric: Bool
  /// The range where no data decides it: DoReFa-Net's activations (Zhou et al., 2016).
  public let fixed: ClosedRange<Float>?
  /// Whether the range stays as it is in training, too.
  public let isFrozen: Bool
  public let isTraining: Bool

  public init(
    _ scheme: ActivationScheme = ActivationScheme(), momentum: Double = 0.1, symmetric: Bool = false,
    fixed: ClosedRange<Float>? = nil, frozen: Bool = false, training: Bool = false
  ) {
    (self.scheme, self.momentum, isSymmetric) = (scheme, momentum, symmetric)
    (self.fixed, isFrozen) = (fixed, frozen || fixed != nil)
    isTraining = training && !isFrozen
  }

  public func mode(training: Bool) -> any Op { with(frozen: isFrozen, training: training) }

  public var frozen: any Op { with(frozen: true, training: false) }

  private func with(frozen: Bool, training: Bool) -> FakeQuantize {
    FakeQuantize(
      scheme, momentum: momentum, symmetric: isSymmetric, fixed: fixed, frozen: frozen, training: training)
  }

  /// The range to begin with: of nothing seen yet, where data decides.
  public func start() throws -> Tensor {
    if let fixed { return try Tensor([2], [fixed.lowerBound, fixed.upperBound]) }
    return try Self.unseen()
  }

  /// The range of nothing seen yet.
  public static func unseen() throws -> Tensor { try Tensor([2], [Float.infinity, -.infinity]) }

  /// The grid that covers a range; one nothing was seen of has only 0.
  public func params(_ range: Tensor) -> QuantParams {
    var (low, high) = (range.floats[0], range.floats[range.strides[0]])
    if low > high { (low, high) = (0, 0) }
    return isSymmetric ? scheme.params(symmetric: max(-low, high)) : scheme.params(covering: low, high)
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

extension FakeQuantize: ActivationGrid {
  var clips: Bool { fixed != nil }

  func params(_ leaves: [Tensor]) -> QuantParams { params(leaves[0]) }
}
