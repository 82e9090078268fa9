import CKernels
import Tensors

/// Softmax of every row of [rows, length].
public final class IntegerSoftmax: IntegerStep {
  public static let kind = "softmax"
  public let rows, length: Int
  private let inputScale: Float
  private let result: QuantParams
  /// The exponentials, and what makes probabilities of them.
  public private(set) var table = qk_softmax_u8_table()

  /// The input's zero point does not matter.
  public init(rows: Int, length: Int, inputScale: Float, result: QuantParams) throws {
    (self.rows, self.length, self.inputScale, self.result) = (rows, length, inputScale, result)
    try checkStatus(qk_softmax_u8_prepare(inputScale, result.scale, result.zeroPoint, &table), Self.kind)
  }

  public var inputElements: [Int] { [rows * length] }
  public var outputElements: Int { rows * length }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var table = table
    try checkStatus(
      qk_softmax_u8(
        qk_isa_active(), &table, batch * rows, length, bytes(inputs[0]), length, nil, bytes(output), length),
      Self.kind)
  }

  public func encode(to record: inout StepRecord) {
    record.integers["rows"] = rows
    record.integers["length"] = length
    record.floats["input_scale"] = inputScale
    record.put(result, "output")
  }

  public convenience init(from record: StepRecord) throws {
    let (rows, length) = (try record.size("rows"), try record.size("length"))
    _ = try Shape(checking: [rows, length], for: Self.kind)
    try self.init(
      rows: rows, length: length, inputScale: record.float("input_scale"), result: record.params("output"))
  }
}
