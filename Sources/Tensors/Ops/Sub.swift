import CKernels

/// `y = a - b`, broadcasting. ONNX Sub.
public struct Sub: ArithmeticOp {
  public static let name = "sub"
  public var kernel: Kernel { qk_f32_sub }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ a: T, _ b: T) -> T { .subtracting(a, b) }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [
      record.needs[0] ? try dy.summed(to: record.inputs[0].shape) : nil,
      record.needs[1] ? try Neg()(dy.summed(to: record.inputs[1].shape)) : nil,
    ]
  }
}
