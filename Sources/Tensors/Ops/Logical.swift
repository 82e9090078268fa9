/// A function of two bool tensors that broadcast.
public protocol LogicalOp: BroadcastingOp {
  func value(_ a: Bool, _ b: Bool) -> Bool
}

extension LogicalOp {
  public func dtype(of types: [DType]) throws -> DType { try bools(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(t[0], t[1], context)
    Elementwise.binary(t[0], t[1], into: y, Truth.self, Truth.self) {
      Truth(value($0.byte != 0, $1.byte != 0))
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil, nil] }
}

extension Op {
  fileprivate func bools(_ types: [DType]) throws -> DType {
    for type in types {
      try require(type == .bool, "needs bool tensors, got \(type); compare first, as in x:ne(0)")
    }
    return .bool
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
public struct LogicalNot: Op {
  public static let name = "logical_not"
  public init() {}

  public func shape(of s: [Shape]) throws -> Shape { s[0] }
  public func dtype(of types: [DType]) throws -> DType { try bools(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    try Elementwise.unary(t[0], Truth.self) { (x: Truth) in Truth(x.byte == 0) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}
