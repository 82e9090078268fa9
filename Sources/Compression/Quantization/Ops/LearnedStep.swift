import CKernels
import Models
import Tensors

/// Numbers on a grid whose step is learned: LSQ (Esser et al., "Learned step size quantization", ICLR 2020).
///
/// Inputs: `x`, f32, and `step`, f32: [1], or for weights [O], one for each output channel (dimension 0). Forward
/// `y = step * clip(rne(x / step), lowest, highest)`. Backward the gradient of `x` passes strictly inside the range, and
/// that of a step is
///
///     g * sum dy * (rne(v) - v inside, the nearer bound outside)      v = x / step,  g = 1 / sqrt(N highest)
///
/// with N the weights that share the step, or the numbers of one sample (section 2.2 of the paper).
///
/// A step of 0 means that nothing but 0 was seen yet: a batch in training sets it to `2 mean|x| / sqrt(highest)`.
public struct LearnedStep: Op {
  public static let name = "learned_step"

  public enum Role: Hashable, Sendable { case activations, weights }

  public let role: Role
  /// Codes, counted from the zero point: 0...15 of a relu in 4 bits, -8...7 of weights.
  public let codes: ClosedRange<Int>
  public let isTraining: Bool

  public init(_ role: Role, codes: ClosedRange<Int>, training: Bool = false) {
    (self.role, self.codes, isTraining) = (role, codes, training)
  }

  /// -2^(bits-1) ... 2^(bits-1) - 1 as the paper has it: in 2 bits a fourth level is much. In 8 bits it is nothing, and
  /// -128 has no place in TFLite.
  static func weightCodes(bits: Int) -> ClosedRange<Int> {
    let half = 1 << (bits - 1)
    return (bits < 8 ? -half : 1 - half)...half - 1
  }

  public func mode(training: Bool) -> any Op { LearnedStep(role, codes: codes, training: training) }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank > 0, "input must have at least one dimension, got a scalar")
    let fits = s[1] == [1] || (role == .weights && s[1] == [s[0][0]])
    try require(fits, "step of \(s[0]) must be [1]\(role == .weights ? " or [\(s[0][0])]" : ""), got \(s[1])")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    for type in types { try require(type == .f32, "input and step must be f32, got \(type)") }
    return .f32
  }

  /// Where the paper starts.
  public func start(_ x: Tensor, steps: Int = 1) throws -> Tensor {
    let x = role == .weights ? try x.contiguous() : try x.dense()
    let step = try Tensor(undefined: [steps])
    let depth = x.count / max(steps, 1)
    for row in 0..<steps { step.floats[row] = start(depth, x.floats + row * depth) }
    return withExtendedLifetime(x) { step }
  }

  private func start(_ count: Int, _ x: UnsafePointer<Float>) -> Float {
    var total = 0.0
    forEachBlock(count) { first, count in
      var above: Float = 0
      total += Double(qk_f32_sum_magnitudes(count, x + first, -1, &above))
    }
    return Float(2 * total / Double(max(count, 1)) / Double(codes.upperBound).squareRoot())
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, step) = (role == .weights ? try t[0].contiguous() : try t[0].dense(), t[1])
    let y = try Tensor(undefined: x.shape, .f32, format: x.format)
    let depth = x.count / max(step.count, 1)
    for row in 0..<step.count {
      if isTraining && !Tape.isRecomputing && step.floats[row * step.strides[0]] == 0 {
        step.floats[row * step.strides[0]] = start(depth, x.floats + row * depth)
      }
      qk_f32_fake_quantize(
        depth, x.floats + row * depth, scale(step, row), Float(codes.lowerBound), Float(codes.upperBound),
        y.floats + row * depth)
    }
    return withExtendedLifetime(x) { y }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, step) = (
      role == .weights ? try record.inputs[0].contiguous() : try record.inputs[0].dense(), record.inputs[1]
    )
    let up = try dy.inFormat(x.format)
    let dx = try Tensor(undefined: x.shape, .f32, format: x.format)
    let dStep = try Tensor(undefined: step.shape)
    let depth = x.count / max(step.count, 1)
    let shared = role == .weights ? depth : x.count / max(x.shape[0], 1)
    let factor = 1 / Double(max(shared, 1) * codes.upperBound).squareRoot()
    for row in 0..<step.count {
      var total = 0.0
      forEachBlock(depth) { first, count in
        let place = row * depth + first
        total += Double(
          qk_f32_fake_quantize_backward(
            count, up.floats + place, x.floats + place, scale(step, row), Float(codes.lowerBound),
            Float(codes.upperBound), dx.floats + place))
      }
      dStep.floats[row] = Float(factor * total)
    }
    return withExtendedLifetime((x, up)) { [dx, dStep] }
  }

  private func scale(_ step: Tensor, _ row: Int) -> Float { Self.usable(step.floats[row * step.strides[0]]) }

  /// A step that can be divided by; 1 for that of nothing seen.
  static func usable(_ step: Float) -> Float { step.isNormal && step > 0 ? step : 1 }
}

extension LearnedStep: ActivationGrid, WeightGrid {
  var clips: Bool { false }

  func params(_ leaves: [Tensor]) -> QuantParams {
    QuantParams(
      scale: scale(leaves[0], 0), zeroPoint: UInt8(-codes.lowerBound), lowest: 0,
      highest: UInt8(codes.upperBound - codes.lowerBound))
  }

  func quantizer(_ weight: Tensor, _ leaves: [Tensor]) throws -> WeightQuantizer {
    let step = leaves[0]
    let scales = (0..<weight.shape[0]).map { scale(step, step.count == 1 ? 0 : $0) }
    return WeightQuantizer(scales: scales, lowest: codes.lowerBound, highest: codes.upperBound)
  }
}

/// Sums in single precision lose digits over many numbers: those of blocks are added in double precision.
func forEachBlock(_ count: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
  for first in stride(from: 0, to: count, by: 4096) { body(first, min(4096, count - first)) }
}

/// A step or a clip that is learned stays above 0; 0 itself means that nothing was seen yet.
struct AboveZero: Constraint {
  static let name = "above_zero"
  private static let least: Float = 1e-8

  func enforce(on value: Tensor) throws {
    for i in 0..<value.count where value.floats[i] != 0 {
      value.floats[i] = max(value.floats[i], Self.least)
    }
  }

  func check(_ value: Tensor) throws {
    for number in try value.array(Float.self) {
      try require(number >= 0, "above_zero", "a learned step or clip is \(number); train with a lower lr")
    }
  }
}
