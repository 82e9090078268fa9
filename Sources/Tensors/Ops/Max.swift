import CKernels

/// The largest element over some dimensions, NaN where there is one; the gradient is shared among equals, as in
/// PyTorch's amax. ONNX ReduceMax.
public struct Max: ExtremumOp {
  public static let name = "max"
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  var kernel: ReductionKernel { ReductionKernel(rows: qk_f32_row_max, columns: qk_f32_column_max) }
  func start<T: NumericElement>(_: T.Type) -> T { .lowest }
  @inline(__always) func better<T: Element>(_ a: T, _ b: T) -> T { .larger(a, b) }
}

/// The smallest element over some dimensions; otherwise as `Max`. ONNX ReduceMin.
public struct Min: ExtremumOp {
  public static let name = "min"
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  var kernel: ReductionKernel { ReductionKernel(rows: qk_f32_row_min, columns: qk_f32_column_min) }
  func start<T: NumericElement>(_: T.Type) -> T { .highest }
  @inline(__always) func better<T: Element>(_ a: T, _ b: T) -> T { .smaller(a, b) }
}

protocol ExtremumOp: ReductionOp {
  var kernel: ReductionKernel { get }
  func start<T: NumericElement>(_: T.Type) -> T
  func better<T: Element>(_ a: T, _ b: T) -> T
}

extension ExtremumOp {
  public static var allowsEmpty: Bool { false }
  public var keepsOutput: Bool { true }

  public func forward(_ x: Tensor, _ context: inout Context) throws -> Tensor {
    if context.dtype == .f32, let y = try kernel.run(x, axes, context.shape) { return y }
    return switch context.dtype {
    case .f32: try run(x, context, Float.self)
    case .f64: try run(x, context, Double.self)
    case .i64: try run(x, context, Int64.self)
    case .i32: try run(x, context, Int32.self)
    case .i8: try run(x, context, Int8.self)
    case .u8: try run(x, context, UInt8.self)
    case .bool: try run(x.converted(to: .u8), context, UInt8.self).converted(to: .bool)
    }
  }

  private func run<T: NumericElement>(_ x: Tensor, _ context: Context, _: T.Type) throws -> Tensor {
    try Reduction.run(x, axes, context.shape, T.self, start(T.self)) { better($0, $1) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0]
    let hits = try Equal()(x, aligned(record.output, with: x)).converted(to: dy.dtype)
    let share = try Div()(aligned(dy, with: x), Sum(axes: axes, keepDims: true)(hits))
    return [try Mul()(hits, share)]
  }
}
