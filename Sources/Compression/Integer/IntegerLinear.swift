import CKernels
import Tensors

/// `y = requantize((x - zx) W^T + b)`: x [batch, rows, K] u8, W [N, K] s8.
public final class IntegerLinear: IntegerStep {
  public static let kind = "linear"
  /// Vectors in a sample: positions of a sequence, or 1.
  public let rows: Int
  /// K and N.
  public let inputs, outputs: Int
  public let values: IntegerWeights
  private let packed: AlignedBytes

  public init(_ values: IntegerWeights, inputs: Int, outputs: Int, rows: Int = 1) throws {
    (self.rows, self.inputs, self.outputs, self.values) = (rows, inputs, outputs, values)
    let isa = qk_isa_active()
    var bytes = 0
    try checkStatus(qk_gemm_u8s8_packed_bytes(isa, outputs, inputs, &bytes), "linear")
    packed = AlignedBytes(count: bytes)
    try checkStatus(
      qk_gemm_u8s8_pack(
        isa, outputs, inputs, values.weights, values.bias, values.multipliers, values.inputZeroPoint,
        packed.pointer),
      "linear")
  }

  /// The same layer for images whose bytes lie [pixels, channels] instead of [channels, pixels]: the columns of W move.
  public func readingImages(pixels: Int, channels: Int) throws -> IntegerLinear {
    if pixels == 1 || channels == 1 { return self }
    var moved = values
    moved.weights = (0..<outputs * inputs).map { i in
      let (row, column) = i.quotientAndRemainder(dividingBy: inputs)
      let (pixel, channel) = column.quotientAndRemainder(dividingBy: channels)
      return values.weights[row * inputs + channel * pixels + pixel]
    }
    return try IntegerLinear(moved, inputs: inputs, outputs: outputs)
  }

  public var inputElements: [Int] { [rows * inputs] }
  public var outputElements: Int { rows * outputs }
  public var outputType: DType { values.outputType }
  public var weightBytes: Int { packed.count }

  public func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])? {
    (Linear(), [[batch * rows, inputs], [outputs, inputs], [outputs]])
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var stage = values.output
    try checkStatus(
      qk_gemm_u8s8(packed.pointer, batch * rows, bytes(inputs[0]), self.inputs, &stage, output, outputs),
      "linear")
  }

  public func encode(to record: inout StepRecord) {
    record.integers["inputs"] = inputs
    record.integers["outputs"] = outputs
    record.integers["rows"] = rows
    values.encode(to: &record)
  }

  public convenience init(from record: StepRecord) throws {
    let (inputs, outputs) = (try record.size("inputs"), try record.size("outputs"))
    let rows = record.integers["rows"] == nil ? 1 : try record.size("rows")
    for width in [inputs, outputs] { _ = try Shape(checking: [rows, width], for: "linear") }
    try self.init(
      IntegerWeights(from: record, channels: outputs, depth: inputs), inputs: inputs, outputs: outputs,
      rows: rows)
  }
}
