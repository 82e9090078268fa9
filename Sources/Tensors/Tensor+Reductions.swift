/// Reductions and products. Dimensions are 0-based, negative ones count from the end; nil stands for all.
extension Tensor {
  public func sum(axes: [Int]? = nil, keepDims: Bool = false) throws -> Tensor {
    try Sum(axes: resolve(axes, Sum.name), keepDims: keepDims)(self)
  }

  public func mean(axes: [Int]? = nil, keepDims: Bool = false) throws -> Tensor {
    try Mean(axes: resolve(axes, Mean.name), keepDims: keepDims)(self)
  }

  public func max(axes: [Int]? = nil, keepDims: Bool = false) throws -> Tensor {
    try Max(axes: resolve(axes, Max.name), keepDims: keepDims)(self)
  }

  public func min(axes: [Int]? = nil, keepDims: Bool = false) throws -> Tensor {
    try Min(axes: resolve(axes, Min.name), keepDims: keepDims)(self)
  }

  public func prod(axes: [Int]? = nil, keepDims: Bool = false) throws -> Tensor {
    try Prod(axes: resolve(axes, Prod.name), keepDims: keepDims)(self)
  }

  public func variance(axes: [Int]? = nil, keepDims: Bool = false, correction: Int = 1) throws -> Tensor {
    try Variance(axes: resolve(axes, Variance.name), keepDims: keepDims, correction: correction)(self)
  }

  /// The square root of the variance.
  public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false, correction: Int = 1) throws
    -> Tensor
  {
    try variance(axes: axes, keepDims: keepDims, correction: correction).sqrt()
  }

  /// The 0-based place of the largest element; without `axis`, in row-major order over all.
  public func argmax(axis: Int? = nil, keepDims: Bool = false) throws -> Tensor {
    guard let axis else { return try ArgMax(axis: 0)(reshaped([count])) }
    return try ArgMax(axis: shape.axis(axis, for: ArgMax.name), keepDims: keepDims)(self)
  }

  /// The 0-based place of the smallest element; without `axis`, in row-major order over all.
  public func argmin(axis: Int? = nil, keepDims: Bool = false) throws -> Tensor {
    guard let axis else { return try ArgMin(axis: 0)(reshaped([count])) }
    return try ArgMin(axis: shape.axis(axis, for: ArgMin.name), keepDims: keepDims)(self)
  }

  public func cumsum(axis: Int, exclusive: Bool = false, reverse: Bool = false) throws -> Tensor {
    try Cumsum(axis: shape.axis(axis, for: Cumsum.name), exclusive: exclusive, reverse: reverse)(self)
  }

  /// The k largest elements along one dimension, or the smallest, best first, and their 0-based places (`TopK`).
  public func topk(_ k: Int, axis: Int = -1, largest: Bool = true) throws -> (values: Tensor, indices: Tensor)
  {
    let axis = try shape.axis(axis, for: TopK.name)
    let indices = try TopK(k, axis: axis, largest: largest)(self)
    return (try Gather(axis: axis)(self, indices), indices)
  }

  public func softmax(axis: Int = -1) throws -> Tensor {
    try Softmax(axis: shape.axis(axis, for: Softmax.name))(self)
  }

  public func logSoftmax(axis: Int = -1) throws -> Tensor {
    try LogSoftmax(axis: shape.axis(axis, for: LogSoftmax.name))(self)
  }

  /// The matrix product (`MatMul`).
  public func matmul(_ other: Tensor) throws -> Tensor { try MatMul().combine(self, other) }

  private func resolve(_ axes: [Int]?, _ function: String) throws -> [Int] {
    try axes?.map { try shape.axis($0, for: function) } ?? Array(shape.indices)
  }
}
