import CKernels
import Tensors

/// Layer normalisation of every row of [rows, length], with an f32 gain and shift for each column.
public final class IntegerLayerNorm: IntegerStep {
  public static let kind = "layer_norm"
  public let rows: Int
  /// As the kernel reads them: divided by the result's scale, where that is u8.
  public let gain, shift: [Float]
  public let inputScale, epsilon: Float
  /// nil: f32.
  public let zeroPoint: UInt8?
  /// The codes of a u8 result.
  public let lowest, highest: UInt8

  /// - Parameters:
  ///   - gain, shift: [length] each.
  ///   - result: nil for f32.
  public init(
    rows: Int, gain: [Float], shift: [Float], epsilon: Float, inputScale: Float, result: QuantParams?
  ) {
    precondition(gain.count == shift.count)
    self.rows = rows
    self.gain = result.map { params in gain.map { $0 / params.scale } } ?? gain
    self.shift = result.map { params in shift.map { $0 / params.scale } } ?? shift
    (self.inputScale, self.epsilon, zeroPoint) = (inputScale, epsilon, result?.zeroPoint)
    (lowest, highest) = (result?.lowest ?? 0, result?.highest ?? 255)
  }

  private var length: Int { gain.count }
  public var inputElements: [Int] { [rows * length] }
  public var outputElements: Int { rows * length }
  public var outputType: DType { zeroPoint == nil ? .f32 : .u8 }
  public var weightBytes: Int { 2 * length * MemoryLayout<Float>.size }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let (isa, x, lines) = (qk_isa_active(), bytes(inputs[0]), batch * rows)
    guard let zeroPoint else {
      let y = output.assumingMemoryBound(to: Float.self)
      return try checkStatus(
        qk_layer_norm_u8_f32(isa, inputScale, epsilon, lines, length, gain, shift, x, length, y, length),
        Self.kind)
    }
    var params = qk_layer_norm_u8_params(
      x_scale: inputScale, epsilon: epsilon, zero_point: zeroPoint, lo: lowest, hi: highest)
    try checkStatus(
      qk_layer_norm_u8(isa, &params, lines, length, gain, shift, x, length, bytes(output), length), Self.kind)
  }

  public func encode(to record: inout StepRecord) {
    record.integers["rows"] = rows
    record.integers["length"] = length
    record.integers["zero_point"] = zeroPoint.map(Int.init)
    record.put(lowest, highest)
    record.floats["input_scale"] = inputScale
    record.floats["epsilon"] = epsilon
    record.put(gain, "gain")
    record.put(shift, "shift")
  }

  public init(from record: StepRecord) throws {
    let length = try record.size("length")
    rows = try record.size("rows")
    _ = try Shape(checking: [rows, length], for: Self.kind)
    gain = try record.array("gain", Float.self, count: length)
    shift = try record.array("shift", Float.self, count: length)
    (inputScale, epsilon) = (try record.float("input_scale"), try record.float("epsilon"))
    (lowest, highest) = try record.codes()
    zeroPoint = try record.integers["zero_point"].map { _ in try record.byte("zero_point") }
  }
}
