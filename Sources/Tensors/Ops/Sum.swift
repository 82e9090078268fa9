import CKernels

/// Sum over some dimensions; integers and bool give i64. ONNX ReduceSum.
///
/// Single precision is added up in many partial sums or in double, so that rounding stays small.
public struct Sum: ReductionOp {
  public static let name = "sum"
  private static var kernel: ReductionKernel {
    ReductionKernel(rows: qk_f32_row_sum, columns: qk_f32_column_sum)
  }
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  public func dtype(of x: DType) throws -> DType { x.isFloatingPoint ? x : .i64 }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    let shape = context.shape
    if x.dtype == .f32, let y = try Self.kernel.run(x, axes, shape) { return y }
    switch x.dtype {
    case .f32:
      return try Reduction.run(x, axes, shape, Float.self, 0.0) { $0 + Double($1) }.converted(to: .f32)
    case .f64: return try Reduction.run(x, axes, shape, Double.self, 0.0) { $0 + $1 }
    case .i64: return try Reduction.run(x, axes, shape, Int64.self, Int64(0)) { $0 &+ $1 }
    case .i32: return try Reduction.run(x, axes, shape, Int32.self, Int64(0)) { $0 &+ Int64($1) }
    case .i8: return try Reduction.run(x, axes, shape, Int8.self, Int64(0)) { $0 &+ Int64($1) }
    case .u8: return try Reduction.run(x, axes, shape, UInt8.self, Int64(0)) { $0 &+ Int64($1) }
    case .bool: return try Reduction.run(x, axes, shape, Truth.self, Int64(0)) { $0 &+ Int64($1.byte) }
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [repeated(dy, like: record.inputs[0])]
  }
}
