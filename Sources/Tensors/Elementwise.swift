/// Arithmetic over tensors that broadcast, and functions of one: the walking, without the arithmetic.
///
/// The walks are compiled once and call back for every run of elements; only the short loops over a run are
/// compiled for each type and function.
enum Elementwise {
  /// A function of two fp32 operands from `qk_f32.h`: rows, length, a, its row stride and step, b, likewise, y.
  typealias BinaryKernel<R> = (
    Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int, UnsafeMutablePointer<R>?
  ) -> Void

  /// The shape and format of `op(a, b)`.
  static func result(_ a: Tensor, _ b: Tensor, _ context: Context) throws -> Tensor {
    let format =
      a.shape == context.shape ? a.format : b.shape == context.shape ? b.format : .contiguous
    return try Tensor(undefined: context.shape, context.dtype, format: format)
  }

  /// `y[i] = body(a[i], b[i])` with broadcasting; `y` may be `a`.
  @inline(__always)
  static func binary<T: Element, R: Element>(
    _ a: Tensor, _ b: Tensor, into y: Tensor, _: T.Type, _: R.Type, _ body: (T, T) -> R
  ) {
    let (out, left, right) = (y.pointer(R.self), a.pointer(T.self), b.pointer(T.self))
    walk(y, a, b) { n, offset, step in
      let (o, l, r) = (out + offset[0], left + offset[1], right + offset[2])
      if step[0] == 1 && step[1] == 1 && step[2] == 1 {
        for i in 0..<n { o[i] = body(l[i], r[i]) }
      } else {
        for i in 0..<n { o[i * step[0]] = body(l[i * step[1]], r[i * step[2]]) }
      }
    }
  }

  /// The same by a kernel for fp32, in runs it can do; `body` says what it computes.
  static func single<R: Element, K>(
    _ a: Tensor, _ b: Tensor, into y: Tensor, _ kernel: BinaryKernel<K>, _: R.Type,
    _ body: (Float, Float) -> R
  ) {
    let (out, left, right) = (y.pointer(R.self), a.floats, b.floats)
    walk(y, a, b) { n, offset, step in
      let (o, l, r) = (out + offset[0], left + offset[1], right + offset[2])
      if step[0] == 1 && (0...1).contains(step[1]) && (0...1).contains(step[2]) {
        let o = UnsafeMutableRawPointer(o).assumingMemoryBound(to: K.self)
        ThreadTeam.divide(n) { part in
          let first = part.lowerBound
          kernel(
            1, part.count, l + first * step[1], 0, step[1], r + first * step[2], 0, step[2], o + first)
        }
      } else {
        for i in 0..<n { o[i * step[0]] = body(l[i * step[1]], r[i * step[2]]) }
      }
    }
  }

  /// Calls `run` with the length, the offset of each operand and its step along every run.
  private static func walk(
    _ y: Tensor, _ a: Tensor, _ b: Tensor, _ run: (Int, InlineArray<3, Int>, InlineArray<3, Int>) -> Void
  ) {
    if y.isDense && y.liesLike(a) && (y.liesLike(b) || b.count == 1) {
      // The common cases without building a loop: small tensors are about overhead.
      return run(y.count, [0, 0, 0], [1, 1, b.count == 1 ? 0 : 1])
    }
    let loop = StridedLoop<3>(
      y.shape, [y.strides, a.strides(broadcastTo: y.shape), b.strides(broadcastTo: y.shape)])
    loop.forEachRun { run(loop.length, $0, loop.innerStrides) }
  }

  /// A new tensor `body(a[i], b[i])` with broadcasting, for shapes known to fit.
  @inline(__always)
  static func map<T: Element>(_ a: Tensor, _ b: Tensor, _: T.Type, _ body: (T, T) -> T) throws -> Tensor {
    let shape = Shape.broadcast(a.shape, b.shape) ?? a.shape
    let y = try result(a, b, Context(shape: shape, dtype: T.dtype, recording: false))
    binary(a, b, into: y, T.self, T.self, body)
    return y
  }

  /// `y[i] = body(x[i])`, the result in the format of `x`.
  @inline(__always)
  static func unary<T: Element, R: Element>(_ x: Tensor, _ dtype: R.Type, _ body: (T) -> R) throws -> Tensor {
    try unary(x, T.self, R.self) { n, input, output in
      for i in 0..<n { output[i] = body(input[i]) }
    }
  }

  /// A new tensor in the format of `x`, filled by one call of `run`.
  @inline(__always)
  static func unary<T: Element, R: Element>(
    _ x: Tensor, _: T.Type, _: R.Type, _ run: (Int, UnsafeMutablePointer<T>, UnsafeMutablePointer<R>) -> Void
  ) throws -> Tensor {
    let source = try x.dense()
    let y = try Tensor(undefined: x.shape, R.dtype, format: source.format)
    run(x.count, source.pointer(T.self), y.pointer(R.self))
    return y
  }

  /// The gradient of a function of one tensor: a new tensor filled by one call of `run` with the length, `dy`,
  /// `v` and the result, all lying alike.
  @inline(__always)
  static func gradient<T: Element>(
    _ dy: Tensor, _ v: Tensor, _: T.Type,
    _ run: (Int, UnsafeMutablePointer<T>, UnsafeMutablePointer<T>, UnsafeMutablePointer<T>) -> Void
  ) throws -> Tensor {
    let v = try v.dense()
    let dy = try dy.inFormat(v.format)
    let dx = try Tensor(undefined: v.shape, T.dtype, format: v.format)
    run(v.count, dy.pointer(T.self), v.pointer(T.self), dx.pointer(T.self))
    return dx
  }
}
