import Tensors

/// Labelled examples: inputs [N, ...] and classes [N] counted from 0.
public struct Dataset {
  public let inputs: Tensor
  /// i64.
  public let targets: Tensor
  /// What the classes are called, where that is known.
  public let classNames: [String]?

  public init(inputs: Tensor, targets: Tensor, classNames: [String]? = nil) throws {
    try require(inputs.rank >= 1, "dataset", "inputs must be [N, ...], got a scalar")
    try require(
      targets.shape == [inputs.shape[0]], "dataset",
      "inputs \(inputs.shape) hold \(inputs.shape[0]) examples, targets are \(targets.shape)")
    try require(targets.dtype == .i64, "dataset", "targets must be i64 classes, got \(targets.dtype)")
    self.inputs = try inputs.contiguous()
    self.targets = try targets.contiguous()
    self.classNames = classNames
  }

  /// Number of examples.
  public var count: Int { inputs.shape[0] }

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
    return try Dataset(
      inputs: inputs.rows(indices), targets: targets.rows(indices), classNames: classNames)
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
    return try Dataset(inputs: part(inputs), targets: part(targets), classNames: classNames)
  }

  // MARK: Values

  /// The inputs as f32: `(x / scale - mean) / deviation`.
  public func normalized(scale: Double = 1, mean: Double = 0, deviation: Double = 1) throws -> Dataset {
    for (name, value) in [("scale", scale), ("deviation", deviation)] {
      try require(
        value > 0 && value.isFinite, "normalized", "argument '\(name)' must be positive (got \(value))")
    }
    let values = try inputs.converted(to: .f32).copy()
    let (pointer, factor) = (values.floats, Float(1 / (scale * deviation)))
    let shift = Float(-mean / deviation)
    for i in 0..<values.count { pointer[i] = pointer[i] * factor + shift }
    return try Dataset(inputs: values, targets: targets, classNames: classNames)
  }
}

extension Tensor {
  /// The slices along the first dimension at `indices` (all valid), copied. This tensor must be contiguous.
  func rows(_ indices: some Collection<Int>) throws -> Tensor {
    precondition(isContiguous)
    let result = try Tensor(undefined: shape.replacing(0, with: indices.count), dtype)
    let size = shape.dropFirst().reduce(dtype.size, *)
    for (to, from) in indices.enumerated() {
      (result.bytes + to * size).copyMemory(from: bytes + from * size, byteCount: size)
    }
    return result
  }
}
