/// Running sums along one dimension, from the end where `reverse`. ONNX CumSum.
public struct Cumsum: Op {
  public static let name = "cumsum"
  public let axis: Int
  public let reverse: Bool

  public init(axis: Int, reverse: Bool = false) {
    self.axis = axis
    self.reverse = reverse
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType { types[0].isFloatingPoint ? types[0] : .i64 }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try t[0].converted(to: context.dtype).copy(format: .contiguous)
    switch context.dtype {
    case .f32: run(y, Float.self)
    case .f64: run(y, Double.self)
    default: run(y, Int64.self)
    }
    return y
  }

  /// Adds each slice to the next, so that the inner loop runs along memory.
  private func run<T: NumericElement>(_ y: Tensor, _: T.Type) {
    let (extent, step) = (y.shape[axis], y.shape[(axis + 1)...].reduce(1, *))
    guard y.count > 0, extent > 1 else { return }
    for outer in stride(from: 0, to: y.count, by: extent * step) {
      for i in 1..<extent {
        let place = reverse ? extent - 1 - i : i
        let target = y.pointer(T.self) + outer + place * step
        let source = target + (reverse ? step : -step)
        for j in 0..<step { target[j] = .adding(target[j], source[j]) }
      }
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try Cumsum(axis: axis, reverse: !reverse)(dy)]
  }
}
