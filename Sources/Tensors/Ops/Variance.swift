/// `sum (x - mean)^2 / (n - correction)` over some dimensions; integers give f32. PyTorch var.
public struct Variance: ReductionOp {
  public static let name = "variance"
  public static let allowsEmpty = false
  public let axes: [Int]
  public let keepDims: Bool
  /// 1 for the unbiased estimate, 0 for the variance of the given numbers.
  public let correction: Int

  public init(axes: [Int], keepDims: Bool = false, correction: Int = 1) {
    self.axes = axes
    self.keepDims = keepDims
    self.correction = correction
  }

  public func dtype(of x: DType) throws -> DType { x.isFloatingPoint ? x : .f32 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    let n = extent(x.shape)
    try require(n > correction, "of \(n) element(s) with correction \(correction) has no value")
    let x = try x.converted(to: context.dtype)
    let deviation = try Sub().evaluate(x, Mean(axes: axes, keepDims: true).evaluate(x))
    context.save(deviation)
    let sum = try Sum(axes: axes, keepDims: keepDims).evaluate(Square().evaluate(deviation))
    return try Div().evaluate(sum, .scalar(Double(n - correction), context.dtype))
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let scale = 2 / Double(extent(x.shape) - correction)
    return [try Mul()(record.saved[0], Mul()(aligned(dy, with: x), .scalar(scale, dy.dtype)))]
  }
}
