import CKernels
import Models
import Tensors

/// Activations clipped at a bound that is learned, and rounded: PACT (Choi et al., "PACT: parameterized clipping
/// activation for quantized neural networks", 2018).
///
/// Inputs: `x`, f32, and `bound` [1]. Forward `y = rne(clip(x, 0, bound) n / bound) bound / n`, n the highest code; with
/// `isSigned` the clip begins at -bound. Backward the gradient of `x` passes inside the range; that of the bound is the
/// sum of dy where it clips (less that where -bound does), and 2 `penalty` bound, the slope of the paper's regulariser
/// `penalty * bound^2`, which is so part of the op and of no loss.
///
/// A bound of 0 means that nothing was seen yet: the first batch in training sets it to the largest magnitude, or where
/// the steps would be wider than those LSQ begins with (2 bits up to an outlier round nearly everything to 0) to these.
public struct ClippedActivation: Op {
  public static let name = "clipped_activation"
  /// 2 to 8.
  public let bits: Int
  public let isSigned: Bool
  public let penalty: Double
  public let isTraining: Bool

  public init(bits: Int, signed: Bool = false, penalty: Double = 0, training: Bool = false) {
    (self.bits, isSigned, self.penalty, isTraining) = (bits, signed, penalty, training)
  }

  public func mode(training: Bool) -> any Op {
    ClippedActivation(bits: bits, signed: isSigned, penalty: penalty, training: training)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[1] == [1], "bound must be [1], got \(s[1])")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    for type in types { try require(type == .f32, "input and bound must be f32, got \(type)") }
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, bound) = (try t[0].dense(), t[1])
    if isTraining && !Tape.isRecomputing && bound.floats[0] == 0 && x.count > 0 {
      let seen = qk_minmax_f32(qk_isa_active(), x.count, x.floats)
      bound.floats[0] = max(min(max(isSigned ? -seen.min : 0, seen.max), usual(x)), .leastNormalMagnitude)
    }
    let y = try Tensor(undefined: x.shape, .f32, format: x.format)
    qk_f32_fake_quantize(x.count, x.floats, scale(bound), -Float(zero), Float(most), y.floats)
    return withExtendedLifetime(x) { y }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, bound) = (try record.inputs[0].dense(), record.inputs[1].floats[0])
    let up = try dy.inFormat(x.format)
    let dx = try Tensor(undefined: x.shape, .f32, format: x.format)
    var total = 2 * penalty * Double(bound)
    forEachBlock(x.count) { first, count in
      qk_f32_clip_backward(
        count, up.floats + first, x.floats + first, isSigned ? -bound : 0, bound, dx.floats + first)
      total += Double(
        qk_f32_clip_backward_bound(
          count, up.floats + first, x.floats + first, isSigned ? -bound : -.infinity, bound))
    }
    let dBound = try Tensor([1], [Float(total)])
    return withExtendedLifetime((x, up)) { [dx, dBound] }
  }

  /// The bound with the step that LSQ begins with.
  private func usual(_ x: Tensor) -> Float {
    var total = 0.0
    forEachBlock(x.count) { first, count in
      var above: Float = 0
      total += Double(qk_f32_sum_magnitudes(count, x.floats + first, -1, &above))
    }
    return Float(2 * total / Double(x.count) * Double(most).squareRoot())
  }

  /// The highest code, counted from the zero point.
  private var most: Int { (1 << (isSigned ? bits - 1 : bits)) - 1 }
  private var zero: Int { isSigned ? most : 0 }
  private func scale(_ bound: Tensor) -> Float { LearnedStep.usable(bound.floats[0] / Float(most)) }
}

extension ClippedActivation: ActivationGrid {
  var clips: Bool { true }

  func params(_ leaves: [Tensor]) -> QuantParams {
    QuantParams(
      scale: scale(leaves[0]), zeroPoint: UInt8(zero), lowest: 0, highest: UInt8(zero + most))
  }
}
