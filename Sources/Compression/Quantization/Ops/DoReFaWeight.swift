import CKernels
import Models
import Tensors

/// Weights of k bits between -1 and 1: DoReFa-Net (Zhou et al., 2016, equation 9).
///
///     y = 2 q(tanh(w) / (2 max|tanh(w)|) + 1/2) - 1       q(r) = rne(n r) / n,  n = 2^k - 1
///
/// The values are odd multiples of 1/n: -1, -1/3, 1/3, 1 for 2 bits. The integer kernels get these multiples, so k is at
/// most 7. The gradient passes through q unchanged and is exact for the rest, the maximum included.
public struct DoReFaWeight: Op {
  public static let name = "dorefa_weight"
  /// 2 to 7.
  public let bits: Int

  public init(bits: Int) { self.bits = bits }

  private var intervals: Int { (1 << bits) - 1 }

  public func shape(of s: [Shape]) throws -> Shape {
    try require((2...7).contains(bits), "DoReFa weights have 2 to 7 bits (got \(bits))")
    try require(s[0].rank > 0, "weight must have at least one dimension, got a scalar")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[0] == .f32, "weight must be f32, got \(types[0])")
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let weight = try t[0].contiguous()
    let (flat, y) = (try Tensor(undefined: weight.shape), try Tensor(undefined: weight.shape))
    qk_f32_tanh(weight.count, weight.floats, flat.floats)
    qk_f32_dorefa(weight.count, flat.floats, largest(flat), Float(intervals), y.floats)
    context.save(flat)
    return withExtendedLifetime(weight) { y }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (flat, up) = (record.saved[0], try dy.contiguous())
    let dx = try Tensor(undefined: flat.shape)
    let most = largest(flat)
    qk_f32_scale(flat.count, up.floats, 1 / most, dx.floats)
    // y also falls with the maximum: -t / max^2 each, which goes to the element that is it.
    var (slope, place) = (0.0, 0)
    for i in 0..<flat.count {
      slope -= Double(up.floats[i]) * Double(flat.floats[i])
      if abs(flat.floats[i]) > abs(flat.floats[place]) { place = i }
    }
    if flat.count > 0 {
      slope /= Double(most) * Double(most)
      dx.floats[place] += Float(flat.floats[place] < 0 ? -slope : slope)
    }
    qk_f32_tanh_backward(flat.count, dx.floats, flat.floats, dx.floats)
    return withExtendedLifetime((flat, up)) { [dx] }
  }

  private func largest(_ flat: Tensor) -> Float {
    let seen = qk_minmax_f32(qk_isa_active(), flat.count, flat.floats)
    return LearnedStep.usable(max(-seen.min, seen.max))
  }
}

extension DoReFaWeight: WeightGrid {
  func quantizer(_ weight: Tensor, _ leaves: [Tensor]) throws -> WeightQuantizer {
    WeightQuantizer(
      scales: [Float](repeating: 1 / Float(intervals), count: weight.shape[0]), lowest: -intervals,
      highest: intervals)
  }
}
