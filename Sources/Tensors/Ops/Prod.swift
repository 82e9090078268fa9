/// Product over some dimensions; integers and bool give i64, wrapping around. ONNX ReduceProd.
public struct Prod: ReductionOp {
  public static let name = "prod"
  public var keepsOutput: Bool { true }
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  public func dtype(of x: DType) throws -> DType { x.isFloatingPoint ? x : .i64 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    let x = try x.converted(to: context.dtype)
    switch context.dtype {
    case .f32: return try Reduction.run(x, axes, context.shape, Float.self, Float(1), *)
    case .f64: return try Reduction.run(x, axes, context.shape, Double.self, Double(1), *)
    default: return try Reduction.run(x, axes, context.shape, Int64.self, Int64(1), &*)
    }
  }

  /// Each factor gets the product of the others: the product of all that are not 0, divided by the factor
  /// unless it is 0 itself, and nothing where another factor is 0.
  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let zero = try Equal()(x, .scalar(0, dy.dtype)).converted(to: dy.dtype)
    let zeros = try Sum(axes: axes, keepDims: true)(zero)
    let safe = try Add()(x, zero)
    let rest = try Prod(axes: axes, keepDims: true)(safe)
    let noOtherZero = try Equal()(zeros, zero).converted(to: dy.dtype)
    let others = try Mul()(Div()(rest, safe), noOtherZero)
    return [try Mul()(aligned(dy, with: x), others)]
  }
}
