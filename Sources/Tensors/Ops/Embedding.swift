import CKernels

/// Rows of a table: `y[i...] = weight[indices[i...]]`. ONNX Gather along the first dimension.
///
/// Inputs: `weight` [V, D], f32 or f64, and `indices`, i64 of any shape S; the result is [S..., D]. Indices
/// count from 0; one outside of the table is an error.
///
/// With `isSparse` the gradient of a table that is a leaf holds only the rows that were looked up (`RowGradient`), and
/// an optimizer changes no others; a step then costs as much as the batch is long, however large the table.
public struct Embedding: Op {
  public static let name = "embedding"
  public let isSparse: Bool

  public init(isSparse: Bool = false) { self.isSparse = isSparse }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(s[0].rank == 2, "weight must be [rows, features], got \(s[0])")
    try require(s[1].rank < Shape.maximumRank, "indices \(s[1]) have too many dimensions")
    return try Shape(checking: s[1].dims + [s[0][1]], for: name)
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[1] == .i64, "indices must be i64, got \(types[1])")
    return try floatingType(types, 0..<1)
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let table = try t[0].contiguous()
    let (rows, width) = (table.shape[0], table.shape[1])
    let indices = try indices(t[1], below: rows)
    let index = indices.pointer(Int64.self)
    let y = try Tensor(undefined: context.shape, context.dtype)
    if context.dtype == .f64 {
      let (from, to) = (table.pointer(Double.self), y.pointer(Double.self))
      for i in 0..<indices.count { (to + i * width).update(from: from + Int(index[i]) * width, count: width) }
    } else {
      qk_f32_gather_rows(indices.count, width, table.floats, index, y.floats)
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (weight, indices) = (record.inputs[0], try record.inputs[1].contiguous())
    let gradients = try dy.contiguous().view(
      [indices.count, weight.shape[1]], strides: [weight.shape[1], 1])
    if isSparse && weight.requiresGrad && weight.origin == nil {
      try weight.accumulateRows(
        gradients, UnsafeBufferPointer(start: indices.pointer(), count: indices.count))
      return [nil, nil]
    }
    let table = try Tensor.zeros(weight.shape, dy.dtype)
    gradients.addRows(to: table, indices)
    return [table, nil]
  }
}
