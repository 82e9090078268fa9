import CKernels

/// The slices of x along one dimension that an index tensor names: the dimension is replaced by the shape of the
/// indices. ONNX Gather; with indices of one dimension PyTorch's index_select.
public struct IndexSelect: Op {
  public static let name = "index_select"
  public let axis: Int
  public init(axis: Int) { self.axis = axis }

  public func shape(of s: [Shape]) throws -> Shape {
    try requireAxis(axis, of: s[0])
    let x = s[0].dims
    let dims = x[..<axis] + s[1].dims + x[(axis + 1)...]
    return try Shape(checking: Array(dims), for: name)
  }

  public func dtype(of types: [DType]) throws -> DType {
    try requireIndices(types[1])
    return types[0]
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].contiguous()
    let indices = try indices(t[1], below: x.shape[axis])
    context.save(indices)
    let y = try Tensor(undefined: context.shape, context.dtype)
    let (outer, inner) = extents(x.shape)
    let size = inner * x.dtype.size
    let places = indices.pointer(Int64.self)
    for block in 0..<outer {
      let from = x.bytes + block * x.shape[axis] * size
      let to = y.bytes + block * indices.count * size
      for i in 0..<indices.count {
        (to + i * size).copyMemory(from: from + Int(places[i]) * size, byteCount: size)
      }
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (dy, indices) = (try dy.contiguous(), record.saved[0])
    let dx = try Tensor.zeros(record.inputs[0].shape, dy.dtype)
    let (outer, inner) = extents(dx.shape)
    for block in 0..<outer {
      let (from, to) = (block * indices.count * inner, block * dx.shape[axis] * inner)
      if dy.dtype == .f32 {
        qk_f32_scatter_add_rows(indices.count, inner, dy.floats + from, indices.pointer(), dx.floats + to)
      } else {
        scatter(indices, inner, dy.pointer(Double.self) + from, dx.pointer(Double.self) + to)
      }
    }
    return [dx, nil]
  }

  private func scatter(
    _ indices: Tensor, _ inner: Int, _ dy: UnsafeMutablePointer<Double>, _ dx: UnsafeMutablePointer<Double>
  ) {
    let places = indices.pointer(Int64.self)
    for i in 0..<indices.count {
      for j in 0..<inner { dx[Int(places[i]) * inner + j] += dy[i * inner + j] }
    }
  }

  /// Elements of the dimensions before and behind the axis.
  private func extents(_ shape: Shape) -> (outer: Int, inner: Int) {
    (shape[..<axis].reduce(1, *), shape[(axis + 1)...].reduce(1, *))
  }
}
