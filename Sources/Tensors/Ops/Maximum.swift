import CKernels

/// The larger of two elements, broadcasting; NaN where either is. ONNX Max of two inputs.
///
/// Where both are equal each gets half of the gradient, as in PyTorch.
public struct Maximum: ArithmeticOp {
  public static let name = "maximum"
  public var kernel: Kernel { qk_f32_max }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ a: T, _ b: T) -> T { .larger(a, b) }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try choiceGradients(dy, record, Greater())
  }
}

/// The smaller of two elements, broadcasting; NaN where either is. ONNX Min of two inputs.
public struct Minimum: ArithmeticOp {
  public static let name = "minimum"
  public var kernel: Kernel { qk_f32_min }
  public init() {}

  @inline(__always)
  public func value<T: NumericElement>(_ a: T, _ b: T) -> T { .smaller(a, b) }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    try choiceGradients(dy, record, Less())
  }
}

/// The gradient goes to the operand for which `wins` holds against the other.
private func choiceGradients(_ dy: Tensor, _ record: Record, _ wins: some Op) throws -> [Tensor?] {
  let tie = try Mul()(
    Equal()(record.inputs[0], record.inputs[1]).converted(to: dy.dtype), .scalar(0.5, dy.dtype))
  return try (0...1).map { i in
    guard record.needs[i] else { return nil }
    let mine = try wins.apply(record.inputs[i], record.inputs[1 - i]).converted(to: dy.dtype)
    return try Mul()(dy, Add()(mine, tie)).summed(to: record.inputs[i].shape)
  }
}
