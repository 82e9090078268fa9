/// A function of two bool tensors that broadcast.
public protocol LogicalOp: BroadcastingOp {
  func value(_ a: Bool, _ b: Bool) -> Bool
}

extension LogicalOp {
  public func dtype(of a: DType, _ b: DType) throws -> DType {
    try requireBool(a)
    try requireBool(b)
    return .bool
  }

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(a, b, context)
    Elementwise.binary(a, b, into: y, Truth.self, Truth.self) { Truth(value($0.byte != 0, $1.byte != 0)) }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil, nil] }
}

extension Op {
  fileprivate func requireBool(_ type: DType) throws {
    try require(type == .bool, "needs bool tensors, got \(type); compare first, as in x:ne(0)")
  }
}

/// `a and b`. ONNX And.
public struct LogicalAnd: LogicalOp {
  public static let name = "logical_and"
  public init() {}
  public func value(_ a: Bool, _ b: Bool) -> Bool { a && b }
}

/// `a or b`. ONNX Or.
public struct LogicalOr: LogicalOp {
  public static let name = "logical_or"
  public init() {}
  public func value(_ a: Bool, _ b: Bool) -> Bool { a || b }
}

/// `not x`. ONNX Not.
public struct LogicalNot: OneInputOp {
  public static let name = "logical_not"
  public init() {}

  public func shape(of x: Shape) throws -> Shape { x }
  public func dtype(of x: DType) throws -> DType {
    try requireBool(x)
    return x
  }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    try Elementwise.unary(x, Truth.self) { (x: Truth) in Truth(x.byte == 0) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}
