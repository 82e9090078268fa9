import CKernels
import Tensors

@testable import Compression
@testable import Deployment

/// A program of every kind of step: images [2, 6, 8] through grouped and depthwise convolution, pooling, and then as
/// 12 positions of 8 through what transformers and recurrent networks need, with floats between two of its steps.
struct EveryStep {
  var gain: [Float]
  private var generator = Generator(seed: 5)
  private var instructions: [Program.Instruction] = []

  init() throws { gain = (0..<8).map { 20 + Float($0) * 7 } }

  static func program() throws -> Program { try EveryStep().program() }

  private mutating func weights(
    _ outputs: Int, _ depth: Int, zeroPoint: UInt8, float: Bool = false, factor: Double = 1
  ) -> IntegerWeights {
    IntegerWeights(
      weights: (0..<outputs * depth).map { _ in Int8(truncatingIfNeeded: generator.index(below: 256)) },
      bias: (0..<outputs).map { Int32($0 * 700 - 1000) },
      multipliers: (0..<outputs).map {
        Float(factor * (0.9 + 0.1 * Double($0))) / (120 * Float(depth).squareRoot())
      },
      inputZeroPoint: zeroPoint,
      output: qk_output(kind: float ? QK_OUTPUT_F32 : QK_OUTPUT_U8, zero_point: 100, lo: 3, hi: 250))
  }

  /// - Returns: the number of its result.
  @discardableResult
  private mutating func add(_ name: String, _ step: any IntegerStep, _ inputs: Int...) -> Int {
    instructions.append(.init(name: name, step: step, inputs: inputs, macs: 0))
    return instructions.count
  }

  /// Twelve steps to five hidden states.
  private mutating func lstm(reversed: Bool, inputs: Int, input: UInt8) throws -> IntegerLSTM {
    let states = QuantParams(scale: 0.008, zeroPoint: 133, lowest: 4, highest: 251)
    return try IntegerLSTM(
      steps: 12, inputs: inputs, hidden: 5, reversed: reversed,
      weights(20, inputs, zeroPoint: input, float: true, factor: 0.01),
      weights(20, 5, zeroPoint: states.zeroPoint, float: true, factor: 0.01), result: states)
  }

  private func image(_ kernel: Int, outputs: Int, groups: Int, channels: Int, dilation: Int)
    -> qk_conv2d_shape
  {
    let pad = dilation * (kernel - 1) / 2
    return qk_conv2d_shape(
      height: 6, width: 8, channels: channels, out_channels: outputs, groups: groups, kernel_h: kernel,
      kernel_w: kernel, stride_h: 1, stride_w: 1, dilation_h: dilation, dilation_w: dilation, pad_top: pad,
      pad_left: pad, pad_bottom: pad, pad_right: pad)
  }

  private func window(_ kernel: Int, pad: Int) -> qk_pool2d_shape {
    qk_pool2d_shape(
      height: 6, width: 8, channels: 4, out_height: 3, out_width: 4, kernel_h: kernel, kernel_w: kernel,
      stride_h: 2, stride_w: 2, dilation_h: 1, dilation_w: 1, pad_top: pad, pad_left: pad, pad_bottom: pad,
      pad_right: pad)
  }

  consuming func program() throws -> Program {
    let (a, b) = (QuantParams(scale: 0.031, zeroPoint: 120), QuantParams(scale: 0.023, zeroPoint: 140))
    let input = add("input", IntegerQuantize(QuantParams(scale: 0.02, zeroPoint: 131), elements: 96), 0)
    let grouped = add(
      "grouped",
      try IntegerConv2d(
        weights(4, 9, zeroPoint: 131), image(3, outputs: 4, groups: 2, channels: 2, dilation: 1)), input)
    let depthwise = add(
      "depthwise",
      try IntegerConv2d(
        weights(4, 9, zeroPoint: 100), image(3, outputs: 4, groups: 4, channels: 4, dilation: 2)), grouped)
    let sum = add(
      "sum", IntegerAdd(a, b, QuantParams(scale: 0.04, zeroPoint: 99), .unbounded, elements: 192), grouped,
      depthwise)
    let product = add("product", IntegerMul(a, b, a, .unbounded, elements: 192), sum, depthwise)
    let lookup = add(
      "lookup", IntegerLookup((0..<256).map { UInt8(truncatingIfNeeded: $0 * 167 + 3) }, elements: 192),
      product)
    let largest = add("largest", IntegerPool2d(window(2, pad: 0), .max), lookup)
    let average = qk_average_pool2d_params(
      multiplier: 1.3, x_zero_point: 99, zero_point: 60, lo: 1, hi: 254, count_include_pad: true)
    let mean = add("mean", IntegerPool2d(window(3, pad: 1), .average(average)), sum)
    let positions = add(
      "side by side", try IntegerConcat(rows: 12, widths: [4, 4], [a, b], result: a), largest, mean)
    let norm = add(
      "norm",
      IntegerLayerNorm(
        rows: 12, gain: gain, shift: (0..<8).map { Float($0) - 3.3 }, epsilon: 1e-5, inputScale: 0.031,
        result: QuantParams(scale: 0.7, zeroPoint: 128)), positions)
    let attention = add(
      "attention",
      try IntegerAttention(
        .init(queries: 12, keys: 12, heads: 2, keySize: 4, valueSize: 4, isCausal: true), scale: 0.5,
        query: QuantParams(scale: 0.03, zeroPoint: 128), key: QuantParams(scale: 0.02, zeroPoint: 128),
        value: QuantParams(scale: 0.02, zeroPoint: 128), scores: QuantParams(scale: 0.05, zeroPoint: 120),
        result: QuantParams(scale: 0.015, zeroPoint: 110)), norm, positions, positions)
    let softmax = add(
      "softmax",
      try IntegerSoftmax(
        rows: 12, length: 8, inputScale: 0.04, result: QuantParams(scale: 1 / 256, zeroPoint: 0)), attention)
    let linear = add(
      "linear", try IntegerLinear(weights(5, 8, zeroPoint: 0), inputs: 8, outputs: 5, rows: 12), softmax)
    let flat = add("flat", IntegerFlatten(pixels: 12, channels: 5), linear)
    let floats = add(
      "floats",
      IntegerLayerNorm(
        rows: 6, gain: (0..<10).map { 1.1 + 0.37 * Float($0) },
        shift: (0..<10).map { 0.7 - 0.013 * Float($0) },
        epsilon: 1e-3, inputScale: 0.05, result: nil), flat)
    let again = add("again", IntegerQuantize(b, elements: 60), floats)
    let second = add("input again", IntegerQuantize(a, elements: 96), 0)
    let walk = add("walk", try lstm(reversed: false, inputs: 8, input: 120), positions)
    let back = add("back", try lstm(reversed: true, inputs: 5, input: 133), walk)
    let chosen = add("chosen", try IntegerSelect(positions: 12, width: 5, index: 7), back)
    let all = add(
      "all", try IntegerConcat(rows: 1, widths: [60, 96, 5], [b, a, a], result: b), again, second, chosen)
    add("output", IntegerDequantize(b, elements: 161), all)
    return try Program(
      instructions, input: [2, 6, 8], output: [161], parameterCount: 0, nonZeroCount: 0)
  }
}
