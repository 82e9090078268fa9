/// The matrix product of the last two dimensions, the others broadcasting; a vector counts as a row on the left
/// and as a column on the right, and its extra dimension is dropped again. ONNX MatMul, NumPy's matmul.
public struct MatMul: BroadcastingOp {
  public static let name = "matmul"
  public init() {}

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank > 0 && s[1].rank > 0, "needs vectors or matrices, got \(s[0]) and \(s[1])")
    let (a, b) = (Self.matrix(s[0], left: true), Self.matrix(s[1], left: false))
    let (inner, height) = (a[a.rank - 1], b[b.rank - 2])
    try require(
      inner == height, "\(s[0]) has \(inner) columns, \(s[1]) has \(height) rows; they must be equal")
    guard let batch = Shape.broadcast(Shape(a.dropLast(2)), Shape(b.dropLast(2))) else {
      throw ShapeError(name, "batch dimensions of \(s[0]) and \(s[1]) do not broadcast")
    }
    let ends = (s[0].rank > 1 ? [a[a.rank - 2]] : []) + (s[1].rank > 1 ? [b[b.rank - 1]] : [])
    return Shape(batch.dims + ends)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype)
    let (a, b) = (Self.matrix(t[0], left: true), Self.matrix(t[1], left: false))
    if y.count == 0 { return y }
    if b.rank == 2 {
      // One matrix for the whole batch: the rows of all members make one tall matrix.
      let rows = a.rank == 2 ? a : try a.contiguous()
      try MatrixProduct.run(
        a.rank == 2 ? try Self.readable(rows) : Matrices(rowsOf: rows), try Self.readable(b), into: y)
    } else {
      try batched(a, b, into: y)
    }
    return y
  }

  private func batched(_ a: Tensor, _ b: Tensor, into y: Tensor) throws {
    let (a, b) = (try Self.readable(a).tensor, try Self.readable(b).tensor)
    let batch = Shape.broadcast(Shape(a.shape.dropLast(2)), Shape(b.shape.dropLast(2))) ?? []
    let size = a.shape[a.rank - 2] * b.shape[b.rank - 1]
    func steps(_ t: Tensor) -> Strides {
      t.view(Shape(t.shape.dropLast(2)), strides: Strides(t.strides.dropLast(2))).strides(broadcastTo: batch)
    }
    var dense = batch.contiguousStrides
    for i in dense.indices { dense[i] *= size }
    let loop = StridedLoop<3>(batch, [dense, steps(a), steps(b)])
    var failure: (any Error)?
    loop.forEachRun { offset in
      guard failure == nil else { return }
      var left = Matrices(a, batchStride: loop.innerStrides[1], offset: offset[1])
      var right = Matrices(b, batchStride: loop.innerStrides[2], offset: offset[2])
      // Matrices that lie between each other's rows, such as heads of attention, go one by one.
      let together =
        y.dtype != .f32 || (left.isReadable(batch: loop.length) && right.isReadable(batch: loop.length))
      let (calls, batch) = together ? (1, loop.length) : (loop.length, 1)
      do {
        for call in 0..<calls {
          try MatrixProduct.run(
            left, right, batch: batch, into: y, offset: offset[0] + call * loop.innerStrides[0])
          left.offset += left.batchStride
          right.offset += right.batchStride
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (a, b) = (Self.matrix(record.inputs[0], left: true), Self.matrix(record.inputs[1], left: false))
    var dims = dy.shape.dims
    if record.inputs[0].rank == 1 { dims.insert(1, at: dims.count - (record.inputs[1].rank == 1 ? 0 : 1)) }
    if record.inputs[1].rank == 1 { dims.append(1) }
    let dy = try dy.reshaped(Shape(dims))
    return [
      record.needs[0] ? try leftGradient(dy, b, a.shape).reshaped(record.inputs[0].shape) : nil,
      record.needs[1] ? try rightGradient(a, dy, b.shape).reshaped(record.inputs[1].shape) : nil,
    ]
  }

  private func leftGradient(_ dy: Tensor, _ b: Tensor, _ shape: Shape) throws -> Tensor {
    try MatMul()(dy, b.matrixTransposed).summed(to: shape)
  }

  /// `a^T dy`, added up over the batch; as one product of tall matrices where `b` has no batch.
  private func rightGradient(_ a: Tensor, _ dy: Tensor, _ shape: Shape) throws -> Tensor {
    guard shape.rank == 2 && a.rank > 2 else {
      return try MatMul()(a.matrixTransposed, dy).summed(to: shape)
    }
    let result = try Tensor(undefined: shape, dy.dtype)
    try MatrixProduct.run(
      Matrices(rowsOf: try a.contiguous()).transposed, Matrices(rowsOf: try dy.contiguous()), into: result)
    return result
  }

  public func cost(of s: [Shape], output: Shape) -> Cost {
    Cost(macs: output.elements * (s[0].last ?? 0))
  }

  private static func matrix(_ s: Shape, left: Bool) -> Shape {
    s.rank > 1 ? s : Shape(left ? [1] + s.dims : s.dims + [1])
  }

  private static func matrix(_ t: Tensor, left: Bool) -> Tensor {
    if t.rank > 1 { return t }
    return t.view(matrix(t.shape, left: left), strides: left ? [0, t.strides[0]] : [t.strides[0], 0])
  }

  /// Matrices that the engine can read: where they lie, or copied.
  private static func readable(_ t: Tensor) throws -> Matrices {
    let matrices = Matrices(t)
    return t.dtype != .f32 || matrices.isReadable(batch: 1)
      ? matrices : Matrices(try t.copy(format: .contiguous))
  }
}

extension Tensor {
  /// A view with the last two dimensions exchanged. No record.
  var matrixTransposed: Tensor {
    var (shape, strides) = (shape, strides)
    shape.swapAt(rank - 2, rank - 1)
    strides.swapAt(rank - 2, rank - 1)
    return view(shape, strides: strides)
  }
}
