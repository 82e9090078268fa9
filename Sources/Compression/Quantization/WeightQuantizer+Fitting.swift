import CKernels
import Models
import Tensors

extension WeightQuantizer {
  /// The grid of `scheme` that fits a weight: integers reach as far as the weight's extremes.
  ///
  /// - Parameters:
  ///   - weight: [O, ...], f32.
  ///   - bias: [O] or nil. An integer layer adds it as an s32 of scale `inputScale * scale`; where that would not fit
  ///     (a dead channel with a bias), the scale is made larger.
  public init(
    weight: Tensor, scheme: WeightScheme = WeightScheme(), bias: Tensor? = nil, inputScale: Float = 1
  ) throws {
    try scheme.check(for: "quantize")
    try require(weight.rank > 0, "quantize", "a weight must be [O, ...], got a scalar")
    let values = try weight.array(Float.self)
    let depth = max(weight.count / max(weight.shape[0], 1), 1)
    var grids = try scheme.granularity.slices(of: weight.shape).map {
      try SliceGrid(values, $0, depth, scheme)
    }
    if let bias {
      let least = try bias.array(Float.self).map { abs($0) / inputScale / Float(1 << 22) }
      for i in grids.indices {
        let channels = grids.count == least.count ? i..<i + 1 : 0..<least.count
        grids[i].scale = max(grids[i].scale, least[channels].max() ?? 0)
      }
    }
    for i in grids.indices { grids[i].finish(scheme) }
    if scheme.granularity == .tensor, let only = grids.first {
      grids = [SliceGrid](repeating: only, count: weight.shape[0])
    }
    let rounding: Rounding =
      switch scheme.levels {
      case .integer: .nearest
      case .ternary: .threshold(grids.map(\.threshold))
      case .binary: .sign
      }
    var group: Int?
    if case .group(let size) = scheme.granularity { group = size }
    self.init(
      scales: grids.map(\.scale), zeroPoints: scheme.isSymmetric ? [] : grids.map(\.zeroPoint), group: group,
      lowest: scheme.codes.lowerBound, highest: scheme.codes.upperBound, rounding: rounding)
  }

  /// The same grid, its scales larger where a bias added as an s32 of scale `inputScale * scale` would not fit: in
  /// channels whose weights are nothing beside it. Scales that are powers of two stay such.
  func fitting(_ bias: Tensor?, inputScale: Float) throws -> WeightQuantizer {
    guard let bias, group == nil else { return self }
    let exact = try bias.array(Float.self).map { abs($0) / inputScale / Float(1 << 22) }
    let least = hasPowersOfTwo ? exact.map { $0.isNormal ? $0.powerOfTwoAbove : $0 } : exact
    return WeightQuantizer(
      scales: zip(scales, least).map(max), zeroPoints: zeroPoints, lowest: lowest, highest: highest,
      rounding: rounding)
  }

  /// The codes stay what they are: a channel's scale is multiplied like its weights. A factor below 0 turns codes around:
  /// then the grid becomes its own mirror image.
  public func scaled(by factors: [Double]) -> (any Constraint)? {
    let perChannel = scales.count / max(factors.count, 1)
    let turns = factors.contains { $0 < 0 }
    let (lowest, highest) = turns ? (min(lowest, -highest), max(highest, -lowest)) : (lowest, highest)
    guard perChannel > 0, zeroPoints.isEmpty, highest <= 127 else { return nil }
    func times(_ numbers: [Float]) -> [Float] {
      numbers.indices.map { Float(Double(numbers[$0]) * abs(factors[$0 / perChannel])) }
    }
    // A channel that is multiplied with 0 gets a scale all the same: kernels need one.
    let least: Float = 1e-20
    let rounding: Rounding =
      if case .threshold(let limits) = rounding { .threshold(times(limits)) } else { rounding }
    return WeightQuantizer(
      scales: times(scales).map { max($0, least) }, group: group, lowest: lowest, highest: highest,
      rounding: rounding)
  }

  /// The grid a weight lies on already, if it is one of the scheme, else the one that fits it.
  ///
  /// - Parameter node: for messages.
  static func grid(
    for weight: Parameter, _ scheme: WeightScheme, _ observer: WeightObserver = .minmax, bias: Tensor?,
    inputScale: Float = 1, node: String
  ) throws -> WeightQuantizer {
    if let known = weight.constraint(WeightQuantizer.self), known.isOf(scheme), try known.holds(weight.value)
    {
      return try known.fitting(bias, inputScale: inputScale)
    }
    do {
      if scheme.levels == .binary, let mask = weight.constraint(Mask.self), mask.sparsity > 0 {
        throw ShapeError(
          "quantize", "its weights are pruned, and binary ones cannot be 0; use levels = \"ternary\" for it")
      }
      guard observer == .mse else {
        return try WeightQuantizer(weight: weight.value, scheme: scheme, bias: bias, inputScale: inputScale)
      }
      return try WeightQuantizer(weight: weight.value, scheme: scheme)
        .withLeastError(for: weight.value, scheme).fitting(bias, inputScale: inputScale)
    } catch let error as ShapeError {
      throw ShapeError("quantize", "node '\(node)': \(error.problem)")
    }
  }

  /// Whether this is a grid of `scheme`, whoever chose its scales.
  public func isOf(_ scheme: WeightScheme) -> Bool {
    let sameGroups: Bool
    switch scheme.granularity {
    case .group(let size): sameGroups = group == size
    case .channel: sameGroups = group == nil
    case .tensor: sameGroups = group == nil && scales.allSatisfy { $0 == scales[0] }
    }
    let sameRounding: Bool =
      switch (rounding, scheme.levels) {
      case (.nearest, .integer), (.threshold, .ternary), (.sign, .binary): true
      default: false
      }
    return sameGroups && sameRounding && bits == scheme.bits && isSymmetric == scheme.isSymmetric
      && (!scheme.powerOfTwo || hasPowersOfTwo)
  }

  private var hasPowersOfTwo: Bool { scales.allSatisfy { $0.significand == 1 } }
}

/// The grid of the weights that share a scale.
private struct SliceGrid {
  var scale: Float
  var zeroPoint: Int8 = 0
  private(set) var threshold: Float = 0
  private let low: Float

  init(_ values: [Float], _ slice: Range<Int>, _ depth: Int, _ scheme: WeightScheme) throws {
    var (low, high, sum): (Float, Float, Double) = (0, 0, 0)
    for i in slice {
      let value = values[i]
      try require(
        value.isFinite, "quantize",
        "output channel \(i / depth + 1) of its weight holds \(value); train again, or mend the checkpoint")
      (low, high, sum) = (min(low, value), max(high, value), sum + Double(abs(value)))
    }
    self.low = low
    let mean = Float(sum / Double(max(slice.count, 1)))
    switch scheme.levels {
    case .integer:
      let steps = Float(scheme.codes.upperBound - (scheme.isSymmetric ? 0 : scheme.codes.lowerBound))
      scale = scheme.isSymmetric ? max(-low, high) / steps : high / steps - low / steps
    case .binary: scale = mean
    case .ternary:
      let threshold = 0.7 * mean
      let kept = values[slice].lazy.filter { abs($0) > threshold }
      let total = kept.reduce(0) { $0 + Double(abs($1)) }
      (self.threshold, scale) = (threshold, Float(total / Double(max(kept.count, 1))))
    }
  }

  /// Rounds the scale as the scheme asks, and finds the zero point.
  mutating func finish(_ scheme: WeightScheme) {
    if scheme.powerOfTwo, scale.isNormal {
      if case .integer = scheme.levels {
        scale = scale.powerOfTwoAbove
      } else {
        // The nearest by ratio: above 2^k times the root of 2 it is 2^(k + 1).
        let below = Float(sign: .plus, exponent: scale.exponent, significand: 1)
        scale = scale.significand > Float(2).squareRoot() ? 2 * below : below
      }
    }
    if case .group = scheme.granularity {
      var half: Float = 0
      let exact = scale
      withUnsafePointer(to: exact) { qk_round_f16(1, $0, &half) }
      // Where fp16 has its full precision; the kernels keep other scales in f32.
      if (0x1p-14...65504).contains(half) { scale = half }
    }
    if !scale.isNormal { scale = 1 }
    guard !scheme.isSymmetric else { return }
    let zero = Float(scheme.codes.lowerBound) + (-low / scale).rounded(.toNearestOrEven)
    zeroPoint = Int8(min(max(zero, Float(scheme.codes.lowerBound)), Float(scheme.codes.upperBound)))
  }
}
