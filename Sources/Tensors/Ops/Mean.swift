/// Mean over some dimensions; integers and bool give f32. ONNX ReduceMean.
public struct Mean: ReductionOp {
  public static let name = "mean"
  public static let allowsEmpty = false
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  public func dtype(of x: DType) throws -> DType { x.isFloatingPoint ? x : .f32 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    let sum = try Sum(axes: axes, keepDims: keepDims).evaluate(x).converted(to: context.dtype)
    return try Div().evaluate(sum, .scalar(Double(extent(x.shape)), context.dtype))
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let share = try Div()(dy, .scalar(Double(extent(x.shape)), dy.dtype))
    return [repeated(share, like: x)]
  }
}
