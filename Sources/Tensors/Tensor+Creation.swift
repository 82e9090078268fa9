extension Tensor {
  public static func full(
    _ shape: Shape, _ value: Double, _ dtype: DType = .f32, format: MemoryFormat = .contiguous
  ) throws -> Tensor {
    let tensor = try Tensor(undefined: shape, dtype, format: format)
    tensor.fillElements(value)
    return tensor
  }

  public static func zeros(_ shape: Shape, _ dtype: DType = .f32, format: MemoryFormat = .contiguous) throws
    -> Tensor
  {
    let tensor = try Tensor(undefined: shape, dtype, format: format)
    tensor.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: tensor.byteCount)
    return tensor
  }

  public static func ones(_ shape: Shape, _ dtype: DType = .f32) throws -> Tensor {
    try full(shape, 1, dtype)
  }

  /// A scalar: shape [], one element.
  public static func scalar(_ value: Double, _ dtype: DType = .f32) throws -> Tensor {
    try full([], value, dtype)
  }

  /// The numbers in `bytes`, in row-major order, which `owner` keeps alive and frees: shared where they lie aligned
  /// for their type, else copied.
  public convenience init(
    _ shape: Shape, _ dtype: DType, sharing bytes: UnsafeMutableRawBufferPointer, owner: AnyObject
  ) throws {
    let needed = shape.elements * dtype.size
    try Tensors.require(
      bytes.count == needed, "tensor", "\(dtype) \(shape) takes \(needed) bytes, got \(bytes.count)")
    guard let base = bytes.baseAddress, Int(bitPattern: base) % dtype.size == 0, needed > 0 else {
      try self.init(undefined: shape, dtype)
      if let base = bytes.baseAddress { self.bytes.copyMemory(from: base, byteCount: needed) }
      return
    }
    self.init(
      shape: shape, strides: shape.contiguousStrides, dtype: dtype, storage: try Storage(bytes, owner: owner))
  }

  /// `values` in row-major order.
  public convenience init<T: Element>(_ shape: Shape, _ values: [T]) throws {
    try Tensors.require(
      values.count == shape.elements, "tensor",
      "shape \(shape) has \(shape.elements) elements, got \(values.count) values")
    try self.init(undefined: shape, T.dtype)
    let target = pointer(T.self)
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { target.update(from: base, count: source.count) }
    }
  }

  /// `values`, in row-major order, converted to `dtype`.
  public static func from(_ values: [Double], _ shape: Shape, _ dtype: DType) throws -> Tensor {
    try require(
      values.count == shape.elements, "tensor",
      "shape \(shape) has \(shape.elements) elements, got \(values.count) values")
    let tensor = try Tensor(undefined: shape, dtype)
    func fill<T: Element>(_: T.Type) {
      let target = tensor.pointer(T.self)
      for i in values.indices { target[i] = T(converting: values[i]) }
    }
    dtype.dispatch { fill($0) }
    return tensor
  }

  /// `count` numbers `start`, `start + step`, ...
  public static func arange(start: Double, count: Int, step: Double = 1, _ dtype: DType = .f32) throws
    -> Tensor
  {
    try from((0..<count).map { start + Double($0) * step }, [count], dtype)
  }

  /// The n x n identity matrix.
  public static func eye(_ n: Int, _ dtype: DType = .f32) throws -> Tensor {
    let result = try zeros([n, n], dtype)
    result.view([n], strides: [n + 1]).fillElements(1)
    return result
  }

  /// Sets every element, not counted as a change: for tensors nobody has seen yet.
  func fillElements(_ value: Double) {
    func fill<T: Element>(_: T.Type) {
      let target = pointer(T.self)
      let element = T(converting: value)
      let loop = StridedLoop<1>(shape, [strides])
      let (n, step) = (loop.length, loop.innerStrides[0])
      loop.forEachRun { offset in
        let out = target + offset[0]
        for i in 0..<n { out[i * step] = element }
      }
    }
    dtype.dispatch { fill($0) }
  }

  /// Sets every element in place; counted, so that `backward` notices.
  public func fill(_ value: Double) {
    fillElements(value)
    storage.markChanged()
  }
}

extension Tensor {
  /// The elements in row-major order, as doubles.
  public func doubles() throws -> [Double] {
    let source = try contiguous()
    func read<T: Element>(_: T.Type) -> [Double] {
      UnsafeBufferPointer(start: source.pointer(T.self), count: count).map(\.asDouble)
    }
    return dtype.dispatch { read($0) }
  }

  /// The elements in row-major order; `T` must be the tensor's element type.
  public func array<T: Element>(_: T.Type = T.self) throws -> [T] {
    try require(T.dtype == dtype, "array", "tensor holds \(dtype), asked for \(T.dtype)")
    let source = try contiguous()
    return Array(UnsafeBufferPointer(start: source.pointer(T.self), count: count))
  }

  /// The only element.
  public func item() throws -> Double {
    try require(count == 1, "item", "needs a tensor of one element, this one is \(shape)")
    return try doubles()[0]
  }
}
