/// `y = a + b`, broadcasting. ONNX Add.
public struct Add: BroadcastingOp {
  public static let name = "add"
  public init() {}

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Elementwise.result(t[0], t[1], context)
    switch context.dtype {
    case .f32: Elementwise.binary(t[0], t[1], into: y, Float.self, Float.self, +)
    case .f64: Elementwise.binary(t[0], t[1], into: y, Double.self, Double.self, +)
    case .i64: Elementwise.binary(t[0], t[1], into: y, Int64.self, Int64.self, &+)
    case .i32: Elementwise.binary(t[0], t[1], into: y, Int32.self, Int32.self, &+)
    case .i8: Elementwise.binary(t[0], t[1], into: y, Int8.self, Int8.self, &+)
    case .u8: Elementwise.binary(t[0], t[1], into: y, UInt8.self, UInt8.self, &+)
    case .bool: throw ShapeError(name, "bool tensors have no arithmetic; convert with to(\"i32\") first")
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try (0...1).map { record.needs[$0] ? try dy.summed(to: record.inputs[$0].shape) : nil }
  }
}

extension Tensor {
  /// `self += other`, in place; `other` broadcasts to this shape. Counted, so that `backward` notices.
  public func addInPlace(_ other: Tensor) throws {
    try require(
      Shape.broadcast(shape, other.shape) == shape && dtype == other.dtype, "add_",
      "cannot add \(other.dtype) \(other.shape) to \(dtype) \(shape) in place")
    switch dtype {
    case .f32: Elementwise.binary(self, other, into: self, Float.self, Float.self, +)
    case .f64: Elementwise.binary(self, other, into: self, Double.self, Double.self, +)
    default: try assign(try Add()(self, other))
    }
    storage.version += 1
  }
}
