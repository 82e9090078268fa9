/// Arithmetic over two tensors that broadcast, and functions of one: the walking, without the arithmetic.
enum Elementwise {
  /// The shape and format of `op(a, b)`.
  static func result(_ a: Tensor, _ b: Tensor, _ context: Context) throws -> Tensor {
    let like = a.shape == context.shape ? a : b
    return try Tensor(
      undefined: context.shape, context.dtype, format: like.shape == context.shape ? like.format : .contiguous
    )
  }

  /// `y[i] = body(a[i], b[i])` with broadcasting.
  @inline(__always)
  static func binary<T: Element, R: Element>(
    _ a: Tensor, _ b: Tensor, into y: Tensor, _: T.Type, _: R.Type, _ body: (T, T) -> R
  ) {
    let loop = StridedLoop<3>(
      y.shape, [y.strides, a.strides(broadcastTo: y.shape), b.strides(broadcastTo: y.shape)])
    let (n, sy, sa, sb) = (loop.length, loop.innerStrides[0], loop.innerStrides[1], loop.innerStrides[2])
    let (out, left, right) = (y.pointer(R.self), a.pointer(T.self), b.pointer(T.self))
    loop.forEachRun { offset in
      let (o, l, r) = (out + offset[0], left + offset[1], right + offset[2])
      if sy == 1 && sa == 1 && sb == 1 {
        for i in 0..<n { o[i] = body(l[i], r[i]) }
      } else if sy == 1 && sa == 1 && sb == 0 {
        let value = r[0]
        for i in 0..<n { o[i] = body(l[i], value) }
      } else {
        for i in 0..<n { o[i * sy] = body(l[i * sa], r[i * sb]) }
      }
    }
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
