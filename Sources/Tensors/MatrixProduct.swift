import COneDNN

/// A batch of matrices as they lie in a tensor's storage; strides in elements.
struct Matrices {
  let tensor: Tensor
  var rows: Int
  var columns: Int
  /// 0 where every member of the batch is the same matrix.
  var batchStride: Int
  var rowStride: Int
  var columnStride: Int
  /// Of the first matrix, from the tensor's first element.
  var offset = 0

  /// The last two dimensions of `tensor`.
  init(_ tensor: Tensor, batchStride: Int = 0, offset: Int = 0) {
    let rank = tensor.rank
    self.tensor = tensor
    self.batchStride = batchStride
    self.offset = offset
    (rows, columns) = (tensor.shape[rank - 2], tensor.shape[rank - 1])
    (rowStride, columnStride) = (tensor.strides[rank - 2], tensor.strides[rank - 1])
  }

  /// All of a contiguous tensor as one matrix with its last dimension along the rows.
  init(rowsOf tensor: Tensor) {
    self.tensor = tensor
    columns = tensor.shape[tensor.rank - 1]
    rows = tensor.shape.dropLast().reduce(1, *)
    (batchStride, rowStride, columnStride) = (0, Swift.max(columns, 1), 1)
  }

  var transposed: Matrices {
    var other = self
    (other.rows, other.columns) = (columns, rows)
    (other.rowStride, other.columnStride) = (columnStride, rowStride)
    return other
  }

  /// Whether oneDNN can read them where they are.
  func isReadable(batch: Int) -> Bool {
    od_matmul_reads(
      Int64(batch), Int64(rows), Int64(columns), Int64(batchStride), Int64(rowStride), Int64(columnStride))
  }
}

enum MatrixProduct {
  /// `c[i] = a[i] b[i] (+ bias)` for i in 0 ..< batch; `c` is dense from element `offset` on.
  static func run(
    _ a: Matrices, _ b: Matrices, bias: Tensor? = nil, batch: Int = 1, into c: Tensor, offset: Int = 0
  ) throws {
    switch c.dtype {
    case .f32: try single(a, b, bias, batch, c.floats + offset)
    case .f64: generic(a, b, bias, batch, c.pointer(Double.self) + offset)
    case .i64: generic(a, b, bias, batch, c.pointer(Int64.self) + offset)
    case .i32: generic(a, b, bias, batch, c.pointer(Int32.self) + offset)
    case .i8: generic(a, b, bias, batch, c.pointer(Int8.self) + offset)
    case .u8: generic(a, b, bias, batch, c.pointer(UInt8.self) + offset)
    case .bool: preconditionFailure("products of bool tensors are refused by dtype(of:)")
    }
  }

  private static func single(
    _ a: Matrices, _ b: Matrices, _ bias: Tensor?, _ batch: Int, _ c: UnsafeMutablePointer<Float>
  ) throws {
    let bias = try bias?.contiguous()
    var shape = od_matmul_shape()
    (shape.batch, shape.rows, shape.inner, shape.columns) = (
      Int64(batch), Int64(a.rows), Int64(a.columns), Int64(b.columns)
    )
    (shape.a_batch_stride, shape.a_row_stride, shape.a_column_stride) = (
      Int64(a.batchStride), Int64(a.rowStride), Int64(a.columnStride)
    )
    (shape.b_batch_stride, shape.b_row_stride, shape.b_column_stride) = (
      Int64(b.batchStride), Int64(b.rowStride), Int64(b.columnStride)
    )
    shape.alpha = 1
    try withExtendedLifetime((a.tensor, b.tensor, bias)) {
      try OneDNN.check(
        od_matmul(&shape, a.tensor.floats + a.offset, b.tensor.floats + b.offset, bias?.floats, c), "matmul")
    }
  }

  /// The plain product, row by row, so that the inner loop runs along the rows of `b` and `c`.
  private static func generic<T: NumericElement>(
    _ a: Matrices, _ b: Matrices, _ bias: Tensor?, _ batch: Int, _ c: UnsafeMutablePointer<T>
  ) {
    let n = b.columns
    for i in 0..<batch {
      let left = a.tensor.pointer(T.self) + a.offset + i * a.batchStride
      let right = b.tensor.pointer(T.self) + b.offset + i * b.batchStride
      for row in 0..<a.rows {
        let out = c + (i * a.rows + row) * n
        for column in 0..<n { out[column] = bias.map { $0.pointer(T.self)[column * $0.strides[0]] } ?? 0 }
        for k in 0..<a.columns {
          let factor = left[row * a.rowStride + k * a.columnStride]
          let line = right + k * b.rowStride
          for column in 0..<n {
            out[column] = .adding(out[column], .multiplying(factor, line[column * b.columnStride]))
          }
        }
      }
    }
  }
}
