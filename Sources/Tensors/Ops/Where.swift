import CKernels

/// `y = condition ? a : b` element by element, all three broadcasting. ONNX Where.
public struct Where: Op {
  public static let name = "where"
  public init() {}

  public func shape(of s: [Shape]) throws -> Shape {
    guard let both = Shape.broadcast(s[1], s[2]), let shape = Shape.broadcast(s[0], both) else {
      throw ShapeError(name, "shapes \(s[0]), \(s[1]) and \(s[2]) do not broadcast")
    }
    return shape
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(
      types[0] == .bool, "the condition must be bool, got \(types[0]); compare first, as in x:ne(0)")
    try require(types[1] == types[2], "element types \(types[1]) and \(types[2]) differ")
    return types[1]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype, format: t[1].format)
    if context.dtype == .f32, y.liesLike(t[0]), y.liesLike(t[1]), y.liesLike(t[2]) {
      let condition = UnsafeRawPointer(t[0].bytes).assumingMemoryBound(to: UInt8.self)
      qk_f32_where(y.count, condition, t[1].floats, t[2].floats, y.floats)
      return y
    }
    switch context.dtype.size {
    case 1: choose(t, into: y, UInt8.self)
    case 4: choose(t, into: y, UInt32.self)
    default: choose(t, into: y, UInt64.self)
    }
    return y
  }

  private func choose<T: BitwiseCopyable>(_ t: [Tensor], into y: Tensor, _: T.Type) {
    let loop = StridedLoop<4>(
      y.shape,
      [
        y.strides, t[0].strides(broadcastTo: y.shape), t[1].strides(broadcastTo: y.shape),
        t[2].strides(broadcastTo: y.shape),
      ])
    let (n, step) = (loop.length, loop.innerStrides)
    let (output, condition) = (y.bytes.assumingMemoryBound(to: T.self), t[0].pointer(Truth.self))
    let (a, b) = (t[1].bytes.assumingMemoryBound(to: T.self), t[2].bytes.assumingMemoryBound(to: T.self))
    loop.forEachRun { offset in
      let (o, c, yes, no) = (output + offset[0], condition + offset[1], a + offset[2], b + offset[3])
      for i in 0..<n { o[i * step[0]] = c[i * step[1]].byte != 0 ? yes[i * step[2]] : no[i * step[3]] }
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (condition, zero) = (record.inputs[0], try Tensor.scalar(0, dy.dtype))
    return [
      nil,
      record.needs[1] ? try Where()(condition, dy, zero).summed(to: record.inputs[1].shape) : nil,
      record.needs[2] ? try Where()(condition, zero, dy).summed(to: record.inputs[2].shape) : nil,
    ]
  }
}
