/// Running sums along one dimension. ONNX CumSum.
public struct Cumsum: Op {
  public static let name = "cumsum"
  public let axis: Int
  /// Whether an element is left out of the sum that stands in its place.
  public let exclusive: Bool
  /// Whether the sums start at the end.
  public let reverse: Bool

  public init(axis: Int, exclusive: Bool = false, reverse: Bool = false) {
    (self.axis, self.exclusive, self.reverse) = (axis, exclusive, reverse)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType { types[0].isFloatingPoint ? types[0] : .i64 }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].converted(to: context.dtype).contiguous()
    let y = try Tensor(undefined: x.shape, x.dtype)
    switch context.dtype {
    case .f32: run(x, y, Float.self)
    case .f64: run(x, y, Double.self)
    default: run(x, y, Int64.self)
    }
    return y
  }

  /// Each slice is the one before it and one of x, so that the inner loop runs along memory.
  private func run<T: NumericElement>(_ x: Tensor, _ y: Tensor, _: T.Type) {
    let (extent, step) = (x.shape[axis], x.shape[(axis + 1)...].reduce(1, *))
    guard x.count > 0 else { return }
    let (input, output) = (x.pointer(T.self), y.pointer(T.self))
    let back = reverse ? step : -step
    for outer in stride(from: 0, to: x.count, by: extent * step) {
      let first = outer + (reverse ? (extent - 1) * step : 0)
      for j in first..<first + step { output[j] = exclusive ? 0 : input[j] }
      for i in 1..<Swift.max(extent, 1) {
        let place = first - i * back
        let source = exclusive ? place + back : place
        for j in 0..<step {
          output[place + j] = .adding(output[place + back + j], input[source + j])
        }
      }
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [try Cumsum(axis: axis, exclusive: exclusive, reverse: !reverse)(dy)]
  }
}
