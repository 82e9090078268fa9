import Tensors

/// Labelled examples: inputs [N, ...] and classes [N] counted from 0.
///
/// The examples stay as they were stored, bytes of a mapped file perhaps; numbers to train on are made of them batch by
/// batch.
public struct Dataset {
  /// [N, ...] as stored. Each example is dense, contiguous or channels-last; they may lie apart, as records of a file.
  public let stored: Tensor
  /// What makes inputs of what is stored; nil: nothing.
  public let normalization: Normalization?
  /// i64.
  public let targets: Tensor
  /// What the classes are called, where that is known.
  public let classNames: [String]?

  public init(
    inputs: Tensor, targets: Tensor, classNames: [String]? = nil, normalization: Normalization? = nil
  ) throws {
    try require(inputs.rank >= 1, "dataset", "inputs must be [N, ...], got a scalar")
    try require(
      targets.shape == [inputs.shape[0]], "dataset",
      "inputs \(inputs.shape) hold \(inputs.shape[0]) examples, targets are \(targets.shape)")
    try require(targets.dtype == .i64, "dataset", "targets must be i64 classes, got \(targets.dtype)")
    stored = inputs.hasDenseRows ? inputs.detached() : try inputs.contiguous()
    self.normalization = normalization
    self.targets = try targets.contiguous()
    self.classNames = classNames
  }

  /// Number of examples.
  public var count: Int { stored.shape[0] }

  /// The shape of one example.
  public var exampleShape: Shape { Shape(stored.shape.dropFirst()) }

  /// The element type of the inputs.
  public var dtype: DType { normalization == nil ? stored.dtype : .f32 }

  /// All inputs: [N, ...], normalized. What is stored where that needs no change, else made anew on every call.
  public var inputs: Tensor {
    get throws {
      if normalization == nil { return try stored.contiguous() }
      let result = try Tensor(undefined: stored.shape, dtype)
      let gather = ExampleGather(self, format: .contiguous)
      for i in 0..<count { gather.write(i, to: result.bytes + i * gather.byteCount) }
      return result
    }
  }

  /// Number of classes: that of the names, or one more than the largest target.
  public var classCount: Int {
    if let classNames { return classNames.count }
    let target = targets.pointer(Int64.self)
    return Int((0..<count).reduce(-1) { Swift.max($0, target[$1]) }) + 1
  }

  // MARK: Parts

  /// The first `n` examples, all where there are fewer; a view.
  public func take(_ n: Int) throws -> Dataset { try range(0..<Swift.min(try amount(n, "take"), count)) }

  /// All but the first `n` examples; a view.
  public func skip(_ n: Int) throws -> Dataset { try range(Swift.min(try amount(n, "skip"), count)..<count) }

  /// The first `n` examples and the others; views.
  public func split(_ n: Int) throws -> (Dataset, Dataset) {
    try require(n <= count, "split", "cannot take \(n) of \(count) examples")
    return (try take(n), try skip(n))
  }

  /// The examples at `indices`, in this order, copied; indices count from 0.
  public func subset(_ indices: [Int]) throws -> Dataset {
    if let bad = indices.first(where: { $0 < 0 || $0 >= count }) {
      throw ShapeError("subset", "there is no example \(bad): indices go from 0 to \(count - 1)")
    }
    return try with(stored.rows(indices), targets.rows(indices))
  }

  /// These examples and then those of `other`, copied. Both must be of one shape and type, normalized alike.
  public func joined(with other: Dataset) throws -> Dataset {
    try require(
      exampleShape == other.exampleShape && stored.dtype == other.stored.dtype, "join",
      "examples are \(exampleShape) \(stored.dtype) here and \(other.exampleShape) \(other.stored.dtype) there"
    )
    try require(
      normalization == other.normalization, "join",
      "the two are normalized in different ways; join them first, then normalize")
    if let mine = classNames, let theirs = other.classNames {
      try require(mine == theirs, "join", "the classes are called \(mine) here and \(theirs) there")
    }
    let join = Concat(axis: 0)
    return try Dataset(
      inputs: join.apply([stored, other.stored]), targets: join.apply([targets, other.targets]),
      classNames: classNames ?? other.classNames, normalization: normalization)
  }

  private func amount(_ n: Int, _ function: String) throws -> Int {
    try require(n >= 0, function, "argument 'n' cannot be negative (got \(n))")
    return n
  }

  private func range(_ range: Range<Int>) throws -> Dataset {
    func part(_ t: Tensor) -> Tensor {
      t.view(
        t.shape.replacing(0, with: range.count), strides: t.strides,
        offset: t.offset + range.lowerBound * t.strides[0])
    }
    return try with(part(stored), part(targets))
  }

  private func with(_ stored: Tensor, _ targets: Tensor) throws -> Dataset {
    try Dataset(inputs: stored, targets: targets, classNames: classNames, normalization: normalization)
  }

  // MARK: Values

  /// The inputs as f32: `(x / scale - mean) / deviation`, computed as batches are made.
  ///
  /// - Parameters:
  ///   - mean: One number, or one for each channel (the second dimension).
  ///   - deviation: Likewise.
  public func normalized(scale: Double = 1, mean: [Double] = [0], deviation: [Double] = [1]) throws -> Dataset
  {
    try require(
      scale > 0 && scale.isFinite, "normalized", "argument 'scale' must be positive (got \(scale))")
    if let bad = deviation.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw ShapeError("normalized", "argument 'std' must be positive (got \(bad))")
    }
    let channels = exampleShape.first ?? 1
    for (name, numbers) in [("mean", mean), ("std", deviation)] {
      try require(
        numbers.count == 1 || numbers.count == channels, "normalized",
        "argument '\(name)' must be one number, or one for each of \(channels) channels (got \(numbers.count))"
      )
    }
    let count = Swift.max(mean.count, deviation.count)
    let pairs = (0..<count).map { i in
      (mean[mean.count == 1 ? 0 : i], deviation[deviation.count == 1 ? 0 : i])
    }
    let normalization = Normalization(
      factors: pairs.map { Float(1 / (scale * $0.1)) }, shifts: pairs.map { Float(-$0.0 / $0.1) })
    return try Dataset(
      inputs: self.normalization == nil ? stored : inputs, targets: targets, classNames: classNames,
      normalization: normalization)
  }
}

/// `x factor + shift` as fp32, with one pair for all elements or one for each channel.
public struct Normalization: Hashable, Sendable {
  public let factors, shifts: [Float]
}

extension Tensor {
  /// Whether each slice along the first dimension is dense, contiguous or channels-last, wherever it begins.
  var hasDenseRows: Bool {
    guard count > 0 else { return true }
    let row = view(shape.replacing(0, with: 1), strides: strides)
    return row.isDense
  }

  /// The slices along the first dimension at `indices` (all valid), copied. This tensor must have dense rows.
  func rows(_ indices: some Collection<Int>) throws -> Tensor {
    let format: MemoryFormat = view(shape.replacing(0, with: 1), strides: strides).format
    let result = try Tensor(undefined: shape.replacing(0, with: indices.count), dtype, format: format)
    let size = shape.dropFirst().reduce(dtype.size, *)
    for (to, from) in indices.enumerated() {
      (result.bytes + to * size).copyMemory(from: bytes + from * strides[0] * dtype.size, byteCount: size)
    }
    return result
  }
}
