/// The matrix product of the last two dimensions, the others broadcasting; a vector counts as a row on the left
/// and as a column on the right, and its extra dimension is dropped again. ONNX MatMul, NumPy's matmul.
public struct MatMul: BroadcastingOp {
  public static let name = "matmul"
  public init() {}

  public func shape(of left: Shape, _ right: Shape) throws -> Shape {
    try require(left.rank > 0 && right.rank > 0, "needs vectors or matrices, got \(left) and \(right)")
    let (a, b) = (Self.matrix(left, left: true), Self.matrix(right, left: false))
    let (inner, height) = (a[a.rank - 1], b[b.rank - 2])
    try require(
      inner == height, "\(left) has \(inner) columns, \(right) has \(height) rows; they must be equal")
    guard var shape = Shape.broadcast(a.dropping(last: 2), b.dropping(last: 2)) else {
      throw ShapeError(name, "batch dimensions of \(left) and \(right) do not broadcast")
    }
    if left.rank > 1 { shape.append(a[a.rank - 2]) }
    if right.rank > 1 { shape.append(b[b.rank - 1]) }
    return shape
  }

  public func forward(_ left: Tensor, _ right: Tensor, _ context: inout Context) throws -> Tensor {
    let y = try Tensor(undefined: context.shape, context.dtype)
    let (a, b) = (Self.matrix(left, left: true), Self.matrix(right, left: false))
    if y.count == 0 { return y }
    if b.rank == 2 {
      // One matrix for the whole batch: the rows of all members make one tall matrix.
      let rows = a.rank == 2 ? Matrices(a) : Matrices(rowsOf: try a.contiguous())
      try MatrixProduct.run(rows, Matrices(b), into: y)
    } else {
      try batched(a, b, into: y)
    }
    return y
  }

  private func batched(_ a: Tensor, _ b: Tensor, into y: Tensor) throws {
    let (a, b) = (try Matrices(a).readable().tensor, try Matrices(b).readable().tensor)
    let batch = Shape.broadcast(a.shape.dropping(last: 2), b.shape.dropping(last: 2)) ?? []
    let size = a.shape[a.rank - 2] * b.shape[b.rank - 1]
    func steps(_ t: Tensor) -> Strides {
      t.view(t.shape.dropping(last: 2), strides: t.strides.dropping(last: 2)).strides(broadcastTo: batch)
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
    if record.inputs[0].rank == 2, record.inputs[1].rank == 2 {
      let (a, b, dy) = (Matrices(record.inputs[0]), Matrices(record.inputs[1]), Matrices(dy))
      return [
        record.needs[0] ? try product(dy, b.transposed) : nil,
        record.needs[1] ? try product(a.transposed, dy) : nil,
      ]
    }
    let (a, b) = (Self.matrix(record.inputs[0], left: true), Self.matrix(record.inputs[1], left: false))
    let dy = try dy.reshaped(matrix(dy.shape, of: record.inputs[0].rank, record.inputs[1].rank))
    return [
      record.needs[0] ? try leftGradient(dy, b, a.shape).reshaped(record.inputs[0].shape) : nil,
      record.needs[1] ? try rightGradient(a, dy, b.shape).reshaped(record.inputs[1].shape) : nil,
    ]
  }

  /// A matrix of its own, with no record.
  private func product(_ a: Matrices, _ b: Matrices) throws -> Tensor {
    let result = try Tensor(undefined: [a.rows, b.columns], a.tensor.dtype)
    if result.count > 0 { try MatrixProduct.run(a, b, into: result) }
    return result
  }

  /// The shape of the result as matrices: with the dimensions back that vectors lack.
  private func matrix(_ shape: Shape, of left: Int, _ right: Int) -> Shape {
    if left > 1 && right > 1 { return shape }
    var dims = shape.dims
    if left == 1 { dims.insert(1, at: dims.count - (right == 1 ? 0 : 1)) }
    if right == 1 { dims.append(1) }
    return Shape(dims)
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
    Cost(macsOf: output.elements, s[0].last ?? 0)
  }

  private static func matrix(_ s: Shape, left: Bool) -> Shape {
    s.rank > 1 ? s : Shape(left ? [1] + s.dims : s.dims + [1])
  }

  private static func matrix(_ t: Tensor, left: Bool) -> Tensor {
    if t.rank > 1 { return t }
    return t.view(matrix(t.shape, left: left), strides: left ? [0, t.strides[0]] : [t.strides[0], 0])
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
