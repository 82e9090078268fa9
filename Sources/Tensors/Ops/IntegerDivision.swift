/// `a / b` of integers, rounded towards zero, broadcasting, in their type; 0 where b is 0, as in NumPy. ONNX Div of
/// integers; PyTorch div with rounding_mode 'trunc'.
public struct TruncatedDiv: BroadcastingOp {
  public static let name = "truncated_div"
  public init() {}

  public func dtype(of a: DType, _ b: DType) throws -> DType {
    let type = try sharedType(a, b)
    try require(!type.isFloatingPoint, "needs integers, got \(type); numbers are divided by div")
    return type
  }

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    context.dtype.dispatchInteger { Self.divide(a, b, y, $0) }
    return y
  }

  private static func divide<T: Element & FixedWidthInteger>(_ a: Tensor, _ b: Tensor, _ y: Tensor, _: T.Type)
  {
    // The lowest number by -1 wraps around to itself.
    Elementwise.binary(a, b, into: y, T.self, T.self) {
      $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil, nil] }
}

/// What is left of a divided by b, broadcasting: of the sign of b (PyTorch remainder, Python's %), or with `truncated`
/// of that of a (PyTorch fmod, C's). Of integers exact, and 0 where b is 0, as in NumPy. ONNX Mod.
public struct Mod: BroadcastingOp {
  public static let name = "mod"
  public let truncated: Bool
  public init(truncated: Bool = false) { self.truncated = truncated }

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    switch context.dtype {
    case .f32: remain(a, b, y, Float.self)
    case .f64: remain(a, b, y, Double.self)
    default: context.dtype.dispatchInteger { remain(a, b, y, $0) }
    }
    return y
  }

  private func remain<T: Element & FloatingPoint>(_ a: Tensor, _ b: Tensor, _ y: Tensor, _: T.Type) {
    Elementwise.binary(a, b, into: y, T.self, T.self) {
      let rest = $0.truncatingRemainder(dividingBy: $1)
      return truncated || rest == 0 || (rest < 0) == ($1 < 0) ? rest : rest + $1
    }
  }

  private func remain<T: Element & FixedWidthInteger>(_ a: Tensor, _ b: Tensor, _ y: Tensor, _: T.Type) {
    Elementwise.binary(a, b, into: y, T.self, T.self) {
      if $1 == 0 { return 0 }
      let rest = $0.remainderReportingOverflow(dividingBy: $1).partialValue
      return truncated || rest == 0 || (rest < 0) == ($1 < 0) ? rest : rest &+ $1
    }
  }

  /// `a - b q`, and q is constant nearly everywhere.
  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (a, b) = (record.inputs[0], record.inputs[1])
    var db: Tensor?
    if record.needs[1] {
      let quotients = try Div()(Sub()(a, evaluate(a, b)), b)
      db = try Neg()(Mul()(dy, quotients)).summed(to: b.shape)
    }
    return [record.needs[0] ? try dy.summed(to: a.shape) : nil, db]
  }
}

extension DType {
  /// Runs `body` with the Swift type of elements that are integers.
  fileprivate func dispatchInteger(_ body: (any (Element & FixedWidthInteger).Type) -> Void) {
    switch self {
    case .u8: body(UInt8.self)
    case .i8: body(Int8.self)
    case .i32: body(Int32.self)
    case .i64: body(Int64.self)
    case .bool, .f32, .f64: preconditionFailure("\(self) holds no integers")
    }
  }
}
