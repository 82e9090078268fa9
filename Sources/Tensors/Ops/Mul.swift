import CKernels

/// `y = a * b` element by element, broadcasting. ONNX Mul.
public struct Mul: ArithmeticOp {
  public static let name = "mul"
  public var kernel: Kernel { qk_f32_mul }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ a: T, _ b: T) -> T { .multiplying(a, b) }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try (0...1).map { i in
      guard record.needs[i] else { return nil }
      return try Mul()(dy, record.inputs[1 - i]).summed(to: record.inputs[i].shape)
    }
  }
}
