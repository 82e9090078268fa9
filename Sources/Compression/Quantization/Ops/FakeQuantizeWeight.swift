import CKernels
import Models
import Tensors

/// Weights as the integer kernels will see them, in training: rounded to the grid of `scheme` that fits them. The
/// gradient passes unchanged; of binary weights only where the magnitude is at most 1 (BinaryConnect; Courbariaux et
/// al., 2015), so that weights do not drift where no sign changes any more.
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
    if scheme.powerOfTwo || scheme.hasGroups || !scheme.isSymmetric {
      return try WeightQuantizer(weight: t[0], scheme: scheme).dequantized(t[0])
    }
    let weight = try t[0].contiguous()
    let y = try Tensor(undefined: weight.shape)
    for slice in scheme.granularity.slices(of: weight.shape) {
      let (from, to) = (weight.floats + slice.lowerBound, y.floats + slice.lowerBound)
      let grid = grid(of: slice.count, from)
      switch scheme.levels {
      case .integer:
        let most = Float(scheme.codes.upperBound)
        qk_f32_fake_quantize(slice.count, from, grid.scale, -most, most, to)
      case .ternary: qk_f32_ternary(slice.count, from, grid.threshold, grid.scale, to)
      case .binary: qk_f32_binary(slice.count, from, grid.scale, to)
      }
    }
    return withExtendedLifetime(weight) { y }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    guard scheme.levels == .binary else { return [dy] }
    let (weight, up) = (try record.inputs[0].contiguous(), try dy.contiguous())
    let dx = try Tensor(undefined: weight.shape)
    qk_f32_clip_backward(weight.count, up.floats, weight.floats, -1, 1, dx.floats)
    return withExtendedLifetime((weight, up)) { [dx] }
  }

  /// The scale of weights that share one, and below which magnitude they are 0 where they are ternary.
  private func grid(of count: Int, _ values: UnsafePointer<Float>) -> (scale: Float, threshold: Float) {
    if case .integer = scheme.levels {
      let found = qk_minmax_f32(qk_isa_active(), count, values)
      return (LearnedStep.usable(max(-found.min, found.max) / Float(scheme.codes.upperBound)), 0)
    }
    let mean = meanMagnitude(above: -1, count, values)
    guard scheme.levels == .ternary else { return (LearnedStep.usable(mean), 0) }
    return (LearnedStep.usable(meanMagnitude(above: 0.7 * mean, count, values)), 0.7 * mean)
  }

  private func meanMagnitude(above threshold: Float, _ count: Int, _ values: UnsafePointer<Float>) -> Float {
    var (sum, kept) = (0.0, 0.0)
    forEachBlock(count) { first, length in
      var above: Float = 0
      sum += Double(qk_f32_sum_magnitudes(length, values + first, threshold, &above))
      kept += Double(above)
    }
    return Float(sum / max(kept, 1))
  }
}

extension FakeQuantizeWeight: WeightGrid {
  func quantizer(_ weight: Tensor, _ leaves: [Tensor]) throws -> WeightQuantizer {
    if scheme.powerOfTwo || scheme.hasGroups || !scheme.isSymmetric {
      return try WeightQuantizer(weight: weight, scheme: scheme)
    }
    let source = try weight.contiguous()
    var grids = scheme.granularity.slices(of: weight.shape).map {
      grid(of: $0.count, source.floats + $0.lowerBound)
    }
    if scheme.granularity == .tensor, let only = grids.first {
      grids = Array(repeating: only, count: weight.shape[0])
    }
    let rounding: WeightQuantizer.Rounding =
      switch scheme.levels {
      case .integer: .nearest
      case .ternary: .threshold(grids.map(\.threshold))
      case .binary: .sign
      }
    return withExtendedLifetime(source) {
      WeightQuantizer(
        scales: grids.map(\.scale), lowest: scheme.codes.lowerBound, highest: scheme.codes.upperBound,
        rounding: rounding)
    }
  }
}
