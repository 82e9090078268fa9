import CKernels
import Tensors

/// A layer of LSTM over u8 vectors x [batch, steps, K] to u8 hidden states [batch, steps, H], from zero states.
///
///     a = m_x (sum (x - zx) W_ih + b) + m_h (sum (h - zh) W_hh)      sums in s32, products and the sum of both in f32
///     i, f, o = sigmoid(a), g = tanh(a)                              in f32, as `qk_f32_lstm_step` computes them
///     c = f c + i g,  h = clamp(rne((o tanh(c)) / scale) + zero point)
///
/// Only the cell state c stays in f32. Every rounding is the same on every instruction set.
public final class IntegerLSTM: IntegerStep {
  public static let kind = "lstm"
  /// T, K and H.
  public let steps, inputs, hidden: Int
  /// Whether the walk goes from the last position to the first.
  public let isReversed: Bool
  /// W_ih with the bias, [4 H, K], and W_hh, [4 H, H], in PyTorch's order of gates; both give f32.
  public let inputWeights, hiddenWeights: IntegerWeights
  public let result: QuantParams
  private let packedInput, packedHidden: PackedMatrix

  /// Samples that walk together.
  private static let together = 16

  public init(
    steps: Int, inputs: Int, hidden: Int, reversed: Bool, _ inputWeights: IntegerWeights,
    _ hiddenWeights: IntegerWeights, result: QuantParams
  ) throws {
    (self.steps, self.inputs, self.hidden, isReversed) = (steps, inputs, hidden, reversed)
    (self.inputWeights, self.hiddenWeights, self.result) = (inputWeights, hiddenWeights, result)
    packedInput = try PackedMatrix(inputWeights, n: 4 * hidden, k: inputs, rows: Self.together, form: .dense)
    packedHidden = try PackedMatrix(
      hiddenWeights, n: 4 * hidden, k: hidden, rows: Self.together, form: .dense)
  }

  public var inputElements: [Int] { [steps * inputs] }
  public var outputElements: Int { steps * hidden }
  public var weightBytes: Int { packedInput.byteCount + packedHidden.byteCount }

  /// Sums of both products, cell and hidden state in f32, hidden state in u8; each for all samples that walk together.
  public var scratchBytes: Int { Self.together * hidden * (10 * MemoryLayout<Float>.size + 1) }

  public func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])? {
    (
      LSTM(reversed: isReversed),
      [[steps, batch, inputs], [4 * hidden, inputs], [4 * hidden, hidden], [4 * hidden], [4 * hidden]]
    )
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    for first in stride(from: 0, to: batch, by: Self.together) {
      try walk(
        min(Self.together, batch - first), bytes(inputs[0]) + first * steps * self.inputs,
        bytes(output) + first * outputElements, scratch)
    }
  }

  private func walk(
    _ count: Int, _ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>,
    _ scratch: UnsafeMutableRawPointer
  ) throws {
    let row = count * hidden
    let sums = scratch.assumingMemoryBound(to: Float.self)
    let (recurrent, cell, state) = (sums + 4 * row, sums + 8 * row, sums + 9 * row)
    let codes = bytes(UnsafeMutableRawPointer(sums + 10 * row))
    for i in 0..<row { (cell[i], codes[i]) = (0, result.zeroPoint) }
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: row)
    var (scale, zeroPoint) = (result.scale, result.zeroPoint)
    for step in 0..<steps {
      let position = isReversed ? steps - 1 - step : step
      try packedInput.multiply(
        rows: count, x + position * inputs, steps * inputs, inputWeights.output, sums, 4 * hidden)
      try packedHidden.multiply(rows: count, codes, hidden, hiddenWeights.output, recurrent, 4 * hidden)
      qk_f32_axpy(4 * row, 1, recurrent, sums)
      // tanh(c) goes where the recurrent sums were.
      qk_f32_lstm_step(count, hidden, sums, cell, cell, recurrent, state)
      try checkStatus(qk_quantize_u8(qk_isa_active(), layout, state, &scale, &zeroPoint, codes), Self.kind)
      result.clamp(row, codes)
      for sample in 0..<count {
        (y + (sample * steps + position) * hidden).update(from: codes + sample * hidden, count: hidden)
      }
    }
  }

  public func encode(to record: inout StepRecord) {
    record.integers["steps"] = steps
    record.integers["inputs"] = inputs
    record.integers["hidden"] = hidden
    record.integers["reversed"] = isReversed ? 1 : 0
    record.put(result, "result")
    record.put("input", inputWeights)
    record.put("hidden", hiddenWeights)
  }

  public convenience init(from record: StepRecord) throws {
    let (inputs, hidden) = (try record.size("inputs"), try record.size("hidden"))
    for width in [inputs, hidden] { _ = try Shape(checking: [4, hidden, width], for: "lstm") }
    try self.init(
      steps: record.size("steps"), inputs: inputs, hidden: hidden, reversed: record.integer("reversed") != 0,
      IntegerWeights(from: record.part("input"), channels: 4 * hidden, depth: inputs),
      IntegerWeights(from: record.part("hidden"), channels: 4 * hidden, depth: hidden),
      result: record.params("result"))
  }
}

extension StepRecord {
  /// Weights of a step that has several, each under a name.
  fileprivate mutating func put(_ name: String, _ weights: IntegerWeights) {
    var part = StepRecord()
    weights.encode(to: &part)
    for (key, value) in part.integers { integers["\(name)_\(key)"] = value }
    for (key, value) in part.blobs { blobs["\(name)_\(key)"] = value }
  }

  fileprivate func part(_ name: String) -> StepRecord {
    var part = StepRecord()
    for (key, value) in integers where key.hasPrefix(name + "_") {
      part.integers[String(key.dropFirst(name.count + 1))] = value
    }
    for (key, value) in blobs where key.hasPrefix(name + "_") {
      part.blobs[String(key.dropFirst(name.count + 1))] = value
    }
    return part
  }
}
