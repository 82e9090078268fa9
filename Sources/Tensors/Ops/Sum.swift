/// Sum over some dimensions. ONNX ReduceSum.
public struct Sum: Op {
  public static let name = "sum"
  /// 0-based dimensions, ascending.
  public let axes: [Int]
  public let keepDims: Bool

  public init(axes: [Int], keepDims: Bool = false) {
    self.axes = axes
    self.keepDims = keepDims
  }

  public func shape(of s: [Shape]) throws -> Shape { try Reduction.shape(name, s[0], axes, keepDims) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = t[0]
    switch x.dtype {
    case .f32: return try Reduction.run(x, axes, context.shape, Float(0)) { $0 + $1 }
    case .f64: return try Reduction.run(x, axes, context.shape, Double(0)) { $0 + $1 }
    case .i64: return try Reduction.run(x, axes, context.shape, Int64(0)) { $0 &+ $1 }
    default: return try Reduction.run(try x.converted(to: .i64), axes, context.shape, Int64(0)) { $0 &+ $1 }
    }
  }

  public func dtype(of types: [DType]) throws -> DType { types[0].isFloatingPoint ? types[0] : .i64 }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let x = record.inputs[0].shape
    let kept = try Reduction.shape(name, x, axes, true)
    return [try BroadcastTo(shape: x)(dy.reshaped(kept))]
  }
}

/// What reductions share.
enum Reduction {
  static func shape(_ name: String, _ s: Shape, _ axes: [Int], _ keepDims: Bool) throws -> Shape {
    for axis in axes where axis < 0 || axis >= s.rank {
      throw ShapeError(name, "\(s) has \(s.rank) dimensions, there is no dimension \(axis + 1)")
    }
    return Shape(s.indices.filter { keepDims || !axes.contains($0) }.map { axes.contains($0) ? 1 : s[$0] })
  }

  /// Folds along `axes` in row-major order, one accumulator per result element.
  @inline(__always)
  static func run<T: Element>(
    _ x: Tensor, _ axes: [Int], _ shape: Shape, _ start: T, _ body: (T, T) -> T
  ) throws -> Tensor {
    let y = try Tensor(undefined: shape, T.dtype)
    let (input, output) = (x.pointer(T.self), y.pointer(T.self))
    output.update(repeating: start, count: y.count)
    var steps = Strides(repeating: 0, rank: x.rank)
    var step = 1
    for axis in x.shape.indices.reversed() where !axes.contains(axis) {
      steps[axis] = step
      step *= x.shape[axis]
    }
    let loop = StridedLoop<2>(x.shape, [x.strides, steps])
    let (n, sx, sy) = (loop.length, loop.innerStrides[0], loop.innerStrides[1])
    loop.forEachRun { offset in
      let (from, to) = (input + offset[0], output + offset[1])
      if sy == 0 {
        var sum = to[0]
        for i in 0..<n { sum = body(sum, from[i * sx]) }
        to[0] = sum
      } else {
        for i in 0..<n { to[i * sy] = body(to[i * sy], from[i * sx]) }
      }
    }
    return y
  }
}
