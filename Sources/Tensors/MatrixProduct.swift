import CKernels
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

  /// `count` rows of the (first) matrix from row `start` on.
  func rows(from start: Int, count: Int) -> Matrices {
    var other = self
    (other.rows, other.offset) = (count, offset + start * rowStride)
    return other
  }

  /// The same as oneDNN can read them: where they lie, or copied. For those of a whole tensor.
  func readable() throws -> Matrices {
    tensor.dtype != .f32 || isReadable(batch: 1) ? self : Matrices(try tensor.copy(format: .contiguous))
  }

  /// Whether oneDNN can read them where they are.
  func isReadable(batch: Int) -> Bool {
    od_matmul_reads(
      Int64(batch), Int64(rows), Int64(columns), Int64(batchStride), Int64(rowStride), Int64(columnStride))
  }
}

enum MatrixProduct {
  /// Of so few multiplications a product is done before oneDNN has found out how to do it.
  private static let small = 4096

  /// `c[i] = a[i] b[i] (+ bias)`, or `c[i] += ...` where it accumulates, for i in 0 ..< batch, then relu where asked;
  /// `c` is dense from element `offset` on.
  static func run(
    _ a: Matrices, _ b: Matrices, bias: Tensor? = nil, batch: Int = 1, accumulate: Bool = false,
    relu: Bool = false, into c: Tensor, offset: Int = 0
  ) throws {
    func generic<T: NumericElement>(_: T.Type) {
      let result = c.pointer(T.self) + offset
      product(a, b, bias, batch, accumulate, result)
      guard relu else { return }
      for i in 0..<batch * a.rows * b.columns { result[i] = Relu().value(result[i]) }
    }
    switch c.dtype {
    case .f32: try single(a, b, bias, batch, accumulate, relu, c.floats + offset)
    case .f64: generic(Double.self)
    case .i64: generic(Int64.self)
    case .i32: generic(Int32.self)
    case .i8: generic(Int8.self)
    case .u8: generic(UInt8.self)
    case .bool: preconditionFailure("products of bool tensors are refused by dtype(of:)")
    }
  }

  /// `c = a b`, or `c += a b` where `b` was packed for that; for products of few rows with one `b`.
  static func run(_ a: Matrices, _ b: PackedMatrix, into c: Tensor, offset: Int = 0) throws {
    guard let packed = b.packed else {
      return try run(a, b.matrix, accumulate: b.accumulates, into: c, offset: offset)
    }
    var shape = shape(a, b.matrix, 1, b.accumulates)
    try withExtendedLifetime((a.tensor, packed)) {
      try OneDNN.check(
        od_matmul_packed(&shape, a.tensor.floats + a.offset, packed.floats, c.floats + offset), "matmul")
    }
  }

  fileprivate static func shape(_ a: Matrices, _ b: Matrices, _ batch: Int, _ accumulate: Bool)
    -> od_matmul_shape
  {
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
    shape.accumulate = accumulate
    shape.precision = Precision.kernels
    return shape
  }

  private static func single(
    _ a: Matrices, _ b: Matrices, _ bias: Tensor?, _ batch: Int, _ accumulate: Bool, _ relu: Bool,
    _ c: UnsafeMutablePointer<Float>
  ) throws {
    /// What is done to `count` results from `start` on while they are near.
    func finish(_ start: Int, _ count: Int) { if relu { Relu.apply(count, c + start) } }
    let bias = try bias?.contiguous()
    if batch == 1, !accumulate, a.rows * a.columns * b.columns <= small {
      withExtendedLifetime((a.tensor, b.tensor, bias)) {
        qk_f32_product(
          a.rows, a.columns, b.columns, a.tensor.floats + a.offset, a.rowStride, a.columnStride,
          b.tensor.floats + b.offset, b.rowStride, b.columnStride, bias?.floats, c)
      }
      return finish(0, a.rows * b.columns)
    }
    let (a, b) = batch == 1 ? (try a.readable(), try b.readable()) : (a, b)
    let shape = shape(a, b, batch, accumulate)
    let macs = batch * a.rows * a.columns * b.columns
    try withExtendedLifetime((a.tensor, b.tensor, bias)) {
      let (left, right) = (a.tensor.floats + a.offset, b.tensor.floats + b.offset)
      if batch > 1 {
        try ThreadTeam.divide(batch, macs: macs) { members in
          var part = shape
          part.batch = Int64(members.count)
          let first = members.lowerBound
          try OneDNN.check(
            od_matmul(
              &part, left + first * a.batchStride, right + first * b.batchStride, bias?.floats,
              c + first * a.rows * b.columns), "matmul")
          finish(first * a.rows * b.columns, members.count * a.rows * b.columns)
        }
      } else {
        try ThreadTeam.divide(a.rows, macs: macs, grain: 16) { rows in
          var part = shape
          part.rows = Int64(rows.count)
          let first = rows.lowerBound
          try OneDNN.check(
            od_matmul(&part, left + first * a.rowStride, right, bias?.floats, c + first * b.columns), "matmul"
          )
          finish(first * b.columns, rows.count * b.columns)
        }
      }
    }
  }

  /// The plain product, row by row, so that the inner loop runs along the rows of `b` and `c`.
  private static func product<T: NumericElement>(
    _ a: Matrices, _ b: Matrices, _ bias: Tensor?, _ batch: Int, _ accumulate: Bool,
    _ c: UnsafeMutablePointer<T>
  ) {
    let n = b.columns
    for i in 0..<batch {
      let left = a.tensor.pointer(T.self) + a.offset + i * a.batchStride
      let right = b.tensor.pointer(T.self) + b.offset + i * b.batchStride
      for row in 0..<a.rows {
        let out = c + (i * a.rows + row) * n
        // A bias and what is there already are not needed together.
        if let bias {
          for column in 0..<n { out[column] = bias.pointer(T.self)[column * bias.strides[0]] }
        } else if !accumulate {
          for column in 0..<n { out[column] = 0 }
        }
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

/// The right matrix of many products with the same sizes, laid out once as oneDNN reads it fastest.
struct PackedMatrix {
  fileprivate let matrix: Matrices
  fileprivate let packed: Tensor?
  fileprivate let accumulates: Bool

  /// - Parameter left: the left matrix of the first product, or any that lies like it.
  init(_ matrix: Matrices, times left: Matrices, accumulating: Bool = false) throws {
    (self.matrix, accumulates) = (matrix, accumulating)
    guard matrix.tensor.dtype == .f32 else {
      packed = nil
      return
    }
    var shape = MatrixProduct.shape(left, matrix, 1, accumulating)
    let count = od_matmul_packed_count(&shape)
    try require(count > 0, "matmul", String(cString: od_last_error()))
    let packed = try Tensor(undefined: [Int(count)])
    try withExtendedLifetime(matrix.tensor) {
      try OneDNN.check(od_matmul_pack(&shape, matrix.tensor.floats + matrix.offset, packed.floats), "matmul")
    }
    self.packed = packed
  }
}
