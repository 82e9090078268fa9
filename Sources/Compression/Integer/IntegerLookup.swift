import CKernels
import Tensors

/// Any function of one u8: a table of its 256 values. Requantization is one, too.
public final class IntegerLookup: IntegerStep {
  public static let kind = "lookup"
  public let outputElements: Int
  public let table: [UInt8]
  public var inputElements: [Int] { [outputElements] }

  public init(_ table: [UInt8], elements: Int) {
    precondition(table.count == 256)
    (self.table, outputElements) = (table, elements)
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    qk_lookup_u8(qk_isa_active(), batch * outputElements, bytes(inputs[0]), table, bytes(output))
  }

  public func encode(to record: inout StepRecord) {
    record.put(table, "table")
    record.integers["elements"] = outputElements
  }

  public convenience init(from record: StepRecord) throws {
    try self.init(record.array("table", UInt8.self, count: 256), elements: record.size("elements"))
  }
}
