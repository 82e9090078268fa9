/// Arithmetic over tensors that broadcast, and functions of one: the walking, without the arithmetic.
enum Elementwise {
  /// The shape and format of `op(a, b)`.
  static func result(_ a: Tensor, _ b: Tensor, _ context: Context) throws -> Tensor {
    let like = a.shape == context.shape ? a : b
    return try Tensor(
      undefined: context.shape, context.dtype, format: like.shape == context.shape ? like.format : .contiguous
    )
  }

  /// `y[i] = body(a[i], b[i])` with broadcasting; `y` may be `a`.
  @inline(__always)
  static func binary<T: Element, R: Element>(
    _ a: Tensor, _ b: Tensor, into y: Tensor, _: T.Type, _: R.Type, _ body: (T, T) -> R
  ) {
    let (out, left, right) = (y.pointer(R.self), a.pointer(T.self), b.pointer(T.self))
    if y.liesLike(a) && (y.liesLike(b) || b.count == 1) {
      // The common cases without building a loop: small tensors are about overhead.
      return run(y.count, out, 1, left, 1, right, b.count == 1 ? 0 : 1, body)
    }
    let loop = StridedLoop<3>(
      y.shape, [y.strides, a.strides(broadcastTo: y.shape), b.strides(broadcastTo: y.shape)])
    let (n, sy, sa, sb) = (loop.length, loop.innerStrides[0], loop.innerStrides[1], loop.innerStrides[2])
    loop.forEachRun { offset in
      run(n, out + offset[0], sy, left + offset[1], sa, right + offset[2], sb, body)
    }
  }

  @inline(__always)
  private static func run<T: Element, R: Element>(
    _ n: Int, _ y: UnsafeMutablePointer<R>, _ sy: Int, _ a: UnsafeMutablePointer<T>, _ sa: Int,
    _ b: UnsafeMutablePointer<T>, _ sb: Int, _ body: (T, T) -> R
  ) {
    if sy == 1 && sa == 1 && sb == 1 {
      for i in 0..<n { y[i] = body(a[i], b[i]) }
    } else if sy == 1 && sa == 1 && sb == 0 {
      let value = b[0]
      for i in 0..<n { y[i] = body(a[i], value) }
    } else {
      for i in 0..<n { y[i * sy] = body(a[i * sa], b[i * sb]) }
    }
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
    let source = try x.dense()
    let y = try Tensor(undefined: x.shape, R.dtype, format: source.format)
    let (input, output) = (source.pointer(T.self), y.pointer(R.self))
    for i in 0..<x.count { output[i] = body(input[i]) }
    return y
  }
}

extension Tensor {
  /// Whether both are dense and hold the element of one index at the same place.
  @inline(__always)
  func liesLike(_ other: Tensor) -> Bool { shape == other.shape && strides == other.strides && isDense }
}
