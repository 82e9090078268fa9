import CKernels
import Tensors

/// The output stage of an integer layer: requantized to u8, or dequantized to f32 at the end of a network.
public struct IntegerOutput: Hashable, Sendable {
  /// nil: f32.
  public let params: QuantParams?
  public let low: UInt8
  public let high: UInt8

  public init(_ params: QuantParams?, _ range: ActivationRange = .unbounded) {
    self.params = params
    (low, high) = params.map(range.bounds) ?? (0, 255)
  }

  var type: DType { params == nil ? .f32 : .u8 }

  var stage: qk_output {
    qk_output(
      kind: params == nil ? QK_OUTPUT_F32 : QK_OUTPUT_U8, zero_point: params?.zeroPoint ?? 0, lo: low,
      hi: high)
  }

  /// What an accumulator of scale `inputScale * weightScale` is multiplied with, per channel: one rounding for
  /// the product of the scales, one for the quotient.
  func multipliers(_ inputScale: Float, _ weightScales: [Float]) -> [Float] {
    weightScales.map { weightScale in
      let scale = inputScale * weightScale
      return params.map { scale / $0.scale } ?? scale
    }
  }
}

/// The integers of one layer with weights, before packing.
public struct IntegerWeights: Sendable {
  /// [O, ...] in ONNX's order.
  public internal(set) var weights: [Int8]
  /// [O], of scale input scale * weight scale.
  public let bias: [Int32]
  /// [O].
  public let multipliers: [Float]
  public let inputZeroPoint: UInt8
  public let output: qk_output

  /// - Parameters:
  ///   - weight: [O, ...] f32; quantized with `quantizer`.
  ///   - bias: [O] f32 or nil; rounded to s32, ties to even.
  public init(
    weight: Tensor, bias: Tensor?, quantizer: WeightQuantizer, input: QuantParams, output: IntegerOutput
  ) throws {
    try require(
      quantizer.isSymmetric && quantizer.group == nil, "quantize",
      "integer layers take symmetric weights with a scale for each output channel or one for all")
    weights = try quantizer.quantize(weight)
    multipliers = output.multipliers(input.scale, quantizer.scales)
    inputZeroPoint = input.zeroPoint
    self.output = output.stage
    self.bias =
      try bias.map { bias in
        zip(try bias.array(Float.self), quantizer.scales).map { value, scale in
          Int32(converting: Double((value / (input.scale * scale)).rounded(.toNearestOrEven)))
        }
      } ?? [Int32](repeating: 0, count: quantizer.scales.count)
  }

  init(
    weights: [Int8], bias: [Int32], multipliers: [Float], inputZeroPoint: UInt8, output: qk_output
  ) {
    (self.weights, self.bias, self.multipliers) = (weights, bias, multipliers)
    (self.inputZeroPoint, self.output) = (inputZeroPoint, output)
  }

  func encode(to record: inout StepRecord) {
    record.put(codes: weights, "weights")
    record.put(bias, "bias")
    record.put(multipliers, "multipliers")
    record.integers["input_zero_point"] = Int(inputZeroPoint)
    record.integers["output_kind"] = Int(output.kind.rawValue)
    record.integers["zero_point"] = Int(output.zero_point)
    record.integers["low"] = Int(output.lo)
    record.integers["high"] = Int(output.hi)
  }

  init(from record: StepRecord, channels: Int, depth: Int) throws {
    let count = try Shape(checking: [channels, depth], for: "program").elements
    weights = try record.codes("weights", count: count)
    bias = try record.array("bias", Int32.self, count: channels)
    multipliers = try record.array("multipliers", Float.self, count: channels)
    inputZeroPoint = try record.byte("input_zero_point")
    let kind = qk_output_kind(rawValue: UInt32(try record.byte("output_kind")))
    try require(
      kind == QK_OUTPUT_U8 || kind == QK_OUTPUT_F32, "program", "a step has an unknown kind of output")
    output = qk_output(
      kind: kind, zero_point: try record.byte("zero_point"), lo: try record.byte("low"),
      hi: try record.byte("high"))
  }

  /// What to say of weights in fewer than 8 bits: `, 4 bits`.
  var note: String { PackedCodes.note(on: weights) }

  var outputType: DType { output.kind == QK_OUTPUT_F32 ? .f32 : .u8 }
}
