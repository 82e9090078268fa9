import CKernels

/// `y = a + b`, broadcasting. ONNX Add.
public struct Add: ArithmeticOp {
  public static let name = "add"
  public var kernel: Kernel { qk_f32_add }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ a: T, _ b: T) -> T { .adding(a, b) }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try (0...1).map { record.needs[$0] ? try dy.summed(to: record.inputs[$0].shape) : nil }
  }
}
