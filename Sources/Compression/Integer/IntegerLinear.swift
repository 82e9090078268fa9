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
  private let packed: PackedMatrix

  /// - Parameter form: how the weights are packed; the quickest way for `rows` vectors if left out.
  public init(
    _ values: IntegerWeights, inputs: Int, outputs: Int, rows: Int = 1, form: PackedMatrix.Form? = nil
  ) throws {
    (self.rows, self.inputs, self.outputs, self.values) = (rows, inputs, outputs, values)
    packed = try PackedMatrix(values, n: outputs, k: inputs, rows: rows, form: form)
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
  public var weightBytes: Int { packed.byteCount }
  public var label: String {
    Self.kind + values.note + (packed.form == .dense ? "" : ", \(packed.form.rawValue)")
  }

  public func floatCounterpart(batch: Int) -> (op: any Op, inputs: [Shape])? {
    (Linear(), [[batch * rows, inputs], [outputs, inputs], [outputs]])
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    try packed.multiply(
      rows: batch * rows, bytes(inputs[0]), self.inputs, values.output, output, outputs)
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
