import CKernels

/// `y = a / b`, broadcasting; integers give f32 (true division). ONNX Div, but for integers.
public struct Div: BroadcastingOp {
  public static let name = "div"
  public init() {}

  public func dtype(of a: DType, _ b: DType) throws -> DType {
    let type = try sharedType(a, b)
    return type.isFloatingPoint ? type : .f32
  }

  public func forward(_ a: Tensor, _ b: Tensor, _ context: inout Context) throws -> Tensor {
    let (a, b) = (try a.converted(to: context.dtype), try b.converted(to: context.dtype))
    let y = try Elementwise.result(a, b, context)
    if context.dtype == .f64 {
      Elementwise.binary(a, b, into: y, Double.self, Double.self, /)
    } else {
      Elementwise.single(a, b, into: y, qk_f32_div, Float.self, /)
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (a, b) = (record.inputs[0], record.inputs[1])
    let da = try Div()(dy, b)
    return [
      record.needs[0] ? try da.summed(to: a.shape) : nil,
      record.needs[1] ? try Neg()(Mul()(da, Div()(a, b)).summed(to: b.shape)) : nil,
    ]
  }
}
