import CKernels
import Tensors

/// What the kernel of a sum or a product needs to know: two operands and a result of different grids.
public protocol ElementwiseParams {
  typealias Kernel = (
    UInt32, UnsafePointer<Self>?, Int, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?,
    UnsafeMutablePointer<UInt8>?
  ) -> qk_status

  static var kind: String { get }
  static var kernel: Kernel { get }
  /// Its factors, by the names that files know.
  static var factors: [(name: String, field: WritableKeyPath<Self, Float>)] { get }
  var a_zero_point: UInt8 { get set }
  var b_zero_point: UInt8 { get set }
  var zero_point: UInt8 { get set }
  var lo: UInt8 { get set }
  var hi: UInt8 { get set }
  init()
  /// Only the factors need to be set.
  init(_ a: QuantParams, _ b: QuantParams, _ output: QuantParams)
}

extension qk_add_u8_params: ElementwiseParams {
  public static var kind: String { "add" }
  public static var kernel: Kernel { qk_add_u8 }
  public static var factors: [(name: String, field: WritableKeyPath<Self, Float>)] {
    [("a_multiplier", \.a_multiplier), ("b_multiplier", \.b_multiplier)]
  }

  public init(_ a: QuantParams, _ b: QuantParams, _ output: QuantParams) {
    self.init()
    (a_multiplier, b_multiplier) = (a.scale / output.scale, b.scale / output.scale)
  }
}

extension qk_mul_u8_params: ElementwiseParams {
  public static var kind: String { "mul" }
  public static var kernel: Kernel { qk_mul_u8 }
  public static var factors: [(name: String, field: WritableKeyPath<Self, Float>)] {
    [("multiplier", \.multiplier)]
  }

  public init(_ a: QuantParams, _ b: QuantParams, _ output: QuantParams) {
    self.init()
    multiplier = a.scale * b.scale / output.scale
  }
}

/// `y = a + b` for operands of different scales.
public typealias IntegerAdd = IntegerElementwise<qk_add_u8_params>
/// `y = a * b` for operands of different scales.
public typealias IntegerMul = IntegerElementwise<qk_mul_u8_params>

/// A sum or a product of two tensors of one shape.
public final class IntegerElementwise<Params: ElementwiseParams>: IntegerStep {
  public static var kind: String { Params.kind }
  public let outputElements: Int
  public let params: Params
  public var inputElements: [Int] { [outputElements, outputElements] }

  public init(
    _ a: QuantParams, _ b: QuantParams, _ output: QuantParams, _ range: ActivationRange, elements: Int
  ) {
    var params = Params(a, b, output)
    (params.a_zero_point, params.b_zero_point) = (a.zeroPoint, b.zeroPoint)
    params.zero_point = output.zeroPoint
    (params.lo, params.hi) = range.bounds(output)
    self.params = params
    outputElements = elements
  }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    var params = params
    try checkStatus(
      Params.kernel(
        qk_isa_active(), &params, batch * outputElements, bytes(inputs[0]), bytes(inputs[1]), bytes(output)),
      Self.kind)
  }

  private static var fields: [(name: String, field: WritableKeyPath<Params, UInt8>)] {
    [
      ("a_zero_point", \.a_zero_point), ("b_zero_point", \.b_zero_point), ("zero_point", \.zero_point),
      ("low", \.lo), ("high", \.hi),
    ]
  }

  public func encode(to record: inout StepRecord) {
    for (name, field) in Self.fields { record.integers[name] = Int(params[keyPath: field]) }
    for (name, field) in Params.factors { record.floats[name] = params[keyPath: field] }
    record.integers["elements"] = outputElements
  }

  public init(from record: StepRecord) throws {
    var params = Params()
    for (name, field) in Self.fields { params[keyPath: field] = try record.byte(name) }
    for (name, field) in Params.factors { params[keyPath: field] = try record.float(name) }
    self.params = params
    outputElements = try record.size("elements")
  }
}
