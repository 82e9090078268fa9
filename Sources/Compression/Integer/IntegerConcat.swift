import CKernels
import Tensors

/// Rows of several u8 inputs one after the other, each requantized to the result's scale: channels of images, or
/// features.
public final class IntegerConcat: IntegerStep {
  public static let kind = "concat"
  /// Rows of a sample: pixels, or positions.
  public let rows: Int
  /// Of each input, in bytes.
  public let widths: [Int]
  /// 256 bytes for each input, one after the other: what each of its bytes becomes.
  public let tables: [UInt8]
  /// Inputs whose bytes stay as they are.
  public let isCopied: [Bool]

  public init(rows: Int, widths: [Int], _ inputs: [QuantParams], result: QuantParams) throws {
    precondition(widths.count == inputs.count)
    (self.rows, self.widths) = (rows, widths)
    tables = try inputs.flatMap { input in
      var table = [UInt8](repeating: 0, count: 256)
      try checkStatus(
        qk_requantize_table(
          input.zeroPoint, input.scale / result.scale, result.zeroPoint, result.lowest, result.highest, &table
        ),
        Self.kind)
      return table
    }
    isCopied = inputs.map { $0 == result }
  }

  public var inputElements: [Int] { widths.map { rows * $0 } }
  public var outputElements: Int { rows * widths.reduce(0, +) }
  public var scratchBytes: Int { widths.count * MemoryLayout<qk_concat_u8_part>.stride }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let parts = scratch.bindMemory(to: qk_concat_u8_part.self, capacity: widths.count)
    try tables.withUnsafeBufferPointer { tables in
      for (i, width) in widths.enumerated() {
        parts[i] = qk_concat_u8_part(
          x: bytes(inputs[i]), n: width, x_stride: width,
          table: isCopied[i] ? nil : tables.baseAddress.map { $0 + i * 256 })
      }
      try checkStatus(
        qk_concat_u8(qk_isa_active(), batch * rows, widths.count, parts, bytes(output), widths.reduce(0, +)),
        Self.kind)
    }
  }

  public func encode(to record: inout StepRecord) {
    record.integers["rows"] = rows
    record.put(widths.map(Int32.init), "widths")
    record.put(tables, "tables")
    record.put(isCopied.map { UInt8($0 ? 1 : 0) }, "copied")
  }

  public init(from record: StepRecord) throws {
    rows = try record.size("rows")
    let count = (record.blobs["copied"] ?? []).count
    try require(count > 0, "program", "a concat has no inputs")
    widths = try record.array("widths", Int32.self, count: count).map(Int.init)
    for width in widths {
      try require((1...(1 << 24)).contains(width), "program", "a concat has an input of width \(width)")
      _ = try Shape(checking: [rows, width, count], for: Self.kind)
    }
    tables = try record.array("tables", UInt8.self, count: 256 * count)
    isCopied = try record.array("copied", UInt8.self, count: count).map { $0 != 0 }
  }
}
