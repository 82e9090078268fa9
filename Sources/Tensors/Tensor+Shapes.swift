/// Shapes and indices. Dimensions and indices are 0-based; negative dimensions count from the end.
extension Tensor {
  /// Exchanges two dimensions; a view.
  public func transposed(_ a: Int = -2, _ b: Int = -1) throws -> Tensor {
    var order = Array(0..<rank)
    order.swapAt(try shape.axis(a, for: Transpose.name), try shape.axis(b, for: Transpose.name))
    return try Transpose(order)(self)
  }

  /// Dimension i of the result is dimension `order[i]` of this; a view.
  public func permuted(_ order: [Int]) throws -> Tensor {
    try Transpose(order.map { try shape.axis($0, for: Transpose.name) })(self)
  }

  /// `count` elements of one dimension from `start` on; a view.
  public func narrow(axis: Int, start: Int, count: Int) throws -> Tensor {
    try slice(axis: axis, start: start, count: count)
  }

  /// Every `step`th element of one dimension from `start` on, `count` of them; a view.
  public func slice(axis: Int, start: Int, count: Int, step: Int = 1) throws -> Tensor {
    try Slice(axis: shape.axis(axis, for: Slice.name), start: start, count: count, step: step)(self)
  }

  /// The slice at one index, without the dimension; a view.
  public func select(axis: Int, index: Int) throws -> Tensor {
    let axis = try shape.axis(axis, for: "select")
    guard (0..<shape[axis]).contains(index) else {
      throw IndexError(function: "select", index: index, bound: shape[axis])
    }
    return try Squeeze(axis: axis)(Slice(axis: axis, start: index, count: 1)(self))
  }

  public func squeezed(axis: Int) throws -> Tensor {
    try Squeeze(axis: shape.axis(axis, for: Squeeze.name))(self)
  }

  /// A new dimension of extent 1 before dimension `axis`; -1 puts it last.
  public func unsqueezed(axis: Int) throws -> Tensor {
    try Unsqueeze(axis: axis < 0 ? axis + rank + 1 : axis)(self)
  }

  /// All dimensions from `axis` on as one.
  public func flattened(from axis: Int = 1) throws -> Tensor {
    if axis == 1 { return try Flatten()(self) }
    let axis = try shape.axis(axis, for: Flatten.name)
    return try reshaped(Shape(shape.dims[..<axis] + [shape.dims[axis...].reduce(1, *)]))
  }

  /// Repeated along dimensions of extent 1 and new leading ones; a view.
  public func broadcast(to shape: Shape) throws -> Tensor { try BroadcastTo(shape: shape)(self) }

  /// `tensors` one after the other along one dimension.
  public static func concat(_ tensors: [Tensor], axis: Int = 0) throws -> Tensor {
    guard let first = tensors.first else { throw ShapeError(Concat.name, "needs at least one tensor") }
    return try Concat(axis: first.shape.axis(axis, for: Concat.name)).apply(tensors)
  }

  /// `tensors` of one shape side by side along a new dimension.
  public static func stack(_ tensors: [Tensor], axis: Int = 0) throws -> Tensor {
    guard let first = tensors.first else { throw ShapeError("stack", "needs at least one tensor") }
    for other in tensors {
      try require(other.shape == first.shape, "stack", "shapes \(first.shape) and \(other.shape) differ")
    }
    let place = axis < 0 ? axis + first.rank + 1 : axis
    return try Concat(axis: place).apply(tensors.map { try Unsqueeze(axis: place)($0) })
  }

  public func gather(axis: Int, _ indices: Tensor) throws -> Tensor {
    try Gather(axis: shape.axis(axis, for: Gather.name))(self, indices)
  }

  /// This with `updates` at (or added to) the elements that `indices` name along one dimension.
  public func scatter(
    axis: Int, _ indices: Tensor, _ updates: Tensor, reduction: Scatter.Reduction = .none
  ) throws -> Tensor {
    try Scatter(axis: shape.axis(axis, for: Scatter.name), reduction: reduction)(self, indices, updates)
  }

  public func indexSelect(axis: Int, _ indices: Tensor) throws -> Tensor {
    try IndexSelect(axis: shape.axis(axis, for: IndexSelect.name))(self, indices)
  }

  /// The elements where `mask` (bool, broadcasting to this shape) is true, in row-major order. Which those are is
  /// fixed when this runs: a captured graph keeps picking the same.
  public func masked(_ mask: Tensor) throws -> Tensor {
    try Tensors.require(
      Shape.broadcast(shape, mask.shape) == shape, "masked_select",
      "mask \(mask.shape) does not broadcast to \(shape)")
    let whole = mask.view(shape, strides: mask.strides(broadcastTo: shape))
    return try reshaped([count]).indexSelect(axis: 0, whole.places())
  }

  /// The 0-based places, in row-major order, where this bool tensor is true.
  public func places() throws -> Tensor {
    try Tensors.require(dtype == .bool, "masked_select", "the mask must be bool, got \(dtype)")
    let values = try array(Truth.self)
    let found = values.indices.filter { values[$0].byte != 0 }.map { Int64($0) }
    return try Tensor([found.count], found)
  }

  public func oneHot(depth: Int, _ type: DType = .f32) throws -> Tensor {
    try OneHot(depth: depth, type)(self)
  }

  public func padded(
    before: [Int], after: [Int], mode: Pad.Mode = .constant, value: Double = 0
  ) throws -> Tensor {
    try Pad(before: before, after: after, mode: mode, value: value)(self)
  }

  /// `counts[i]` repetitions along dimension i.
  public func tiled(_ counts: [Int]) throws -> Tensor {
    try Tensors.require(
      counts.count == rank, "tile", "\(shape) has \(rank) dimensions, got \(counts.count) counts")
    return try counts.enumerated().reduce(self) { x, repeats in
      repeats.element == 1 ? x : try Tile(axis: repeats.offset, count: repeats.element)(x)
    }
  }
}
