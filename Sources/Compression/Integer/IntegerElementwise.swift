import CKernels
import Tensors

/// `y = a + b` for operands of different scales.
public final class IntegerAdd: IntegerStep {
  public static let kind = "add"
  public let outputElements: Int
  public let params: qk_add_u8_params
  public var inputElements: [Int] { [outputElements, outputElements] }

  public init(
    _ a: QuantParams, _ b: QuantParams, _ output: QuantParams, _ range: ActivationRange, elements: Int
  ) {
    let (low, high) = range.bounds(output)
    params = qk_add_u8_params(
      a_multiplier: a.scale / output.scale, b_multiplier: b.scale / output.scale, a_zero_point: a.zeroPoint,
      b_zero_point: b.zeroPoint, zero_point: output.zeroPoint, lo: low, hi: high)
    outputElements = elements
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var params = params
    try checkStatus(
      qk_add_u8(
        qk_isa_active(), &params, batch * outputElements, bytes(inputs[0]), bytes(inputs[1]), bytes(output)),
      Self.kind)
  }

  private static var fields: [(String, WritableKeyPath<qk_add_u8_params, UInt8>)] {
    [
      ("a_zero_point", \.a_zero_point), ("b_zero_point", \.b_zero_point), ("zero_point", \.zero_point),
      ("low", \.lo), ("high", \.hi),
    ]
  }

  public func encode(to record: inout StepRecord) {
    for (name, field) in Self.fields { record.integers[name] = Int(params[keyPath: field]) }
    record.floats["a_multiplier"] = params.a_multiplier
    record.floats["b_multiplier"] = params.b_multiplier
    record.integers["elements"] = outputElements
  }

  public init(from record: StepRecord) throws {
    var params = qk_add_u8_params()
    for (name, field) in Self.fields { params[keyPath: field] = try record.byte(name) }
    params.a_multiplier = try record.float("a_multiplier")
    params.b_multiplier = try record.float("b_multiplier")
    self.params = params
    outputElements = try record.size("elements")
  }
}

/// `y = a * b` for operands of different scales.
public final class IntegerMul: IntegerStep {
  public static let kind = "mul"
  public let outputElements: Int
  public let params: qk_mul_u8_params
  public var inputElements: [Int] { [outputElements, outputElements] }

  public init(
    _ a: QuantParams, _ b: QuantParams, _ output: QuantParams, _ range: ActivationRange, elements: Int
  ) {
    let (low, high) = range.bounds(output)
    params = qk_mul_u8_params(
      multiplier: a.scale * b.scale / output.scale, a_zero_point: a.zeroPoint, b_zero_point: b.zeroPoint,
      zero_point: output.zeroPoint, lo: low, hi: high)
    outputElements = elements
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var params = params
    try checkStatus(
      qk_mul_u8(
        qk_isa_active(), &params, batch * outputElements, bytes(inputs[0]), bytes(inputs[1]), bytes(output)),
      Self.kind)
  }

  private static var fields: [(String, WritableKeyPath<qk_mul_u8_params, UInt8>)] {
    [
      ("a_zero_point", \.a_zero_point), ("b_zero_point", \.b_zero_point), ("zero_point", \.zero_point),
      ("low", \.lo), ("high", \.hi),
    ]
  }

  public func encode(to record: inout StepRecord) {
    for (name, field) in Self.fields { record.integers[name] = Int(params[keyPath: field]) }
    record.floats["multiplier"] = params.multiplier
    record.integers["elements"] = outputElements
  }

  public init(from record: StepRecord) throws {
    var params = qk_mul_u8_params()
    for (name, field) in Self.fields { params[keyPath: field] = try record.byte(name) }
    params.multiplier = try record.float("multiplier")
    self.params = params
    outputElements = try record.size("elements")
  }
}

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
