import Tensors

/// How real numbers become integers and back, in ONNX's general form: `x = (q - zeroPoint) * scale` with one scale and
/// zero point for all, for each index of a dimension, or for each block of so many along it.
public struct IntegerGrid: Hashable, Sendable {
  public let scales: [Float]
  /// As many as scales, or one for all.
  public let zeroPoints: [Int]
  /// nil: one scale for all.
  public let axis: Int?
  /// Elements along the axis that share a scale, where they are not the slices of it.
  public let block: Int?
  public let type: DType
  public let lowest, highest: Int

  public init(
    scales: [Float], zeroPoints: [Int] = [0], axis: Int? = nil, block: Int? = nil, type: DType,
    lowest: Int? = nil,
    highest: Int? = nil
  ) {
    (self.scales, self.zeroPoints, self.axis, self.block, self.type) = (scales, zeroPoints, axis, block, type)
    self.lowest = lowest ?? (type == .i8 ? -128 : type == .u8 ? 0 : Int(Int32.min))
    self.highest = highest ?? (type == .i8 ? 127 : type == .u8 ? 255 : Int(Int32.max))
  }

  /// The promise that weights on this grid make; nil where the integer kernels have another form: symmetric, one scale
  /// for each output channel (dimension 0) or for all.
  public func weightQuantizer(for shape: Shape) -> WeightQuantizer? {
    guard type == .i8, block == nil, axis == nil || axis == 0, zeroPoints.allSatisfy({ $0 == 0 }),
      shape.rank > 1,
      scales.allSatisfy({ $0.isNormal && $0 > 0 })
    else { return nil }
    return WeightQuantizer(
      scales: axis == nil ? [Float](repeating: scales[0], count: shape[0]) : scales, lowest: lowest,
      highest: highest)
  }

  /// The same for a matrix whose columns have a scale each.
  public func columnQuantizer(for shape: Shape) -> ColumnQuantizer? {
    guard type == .i8, block == nil, axis == 1, shape.rank == 2, zeroPoints.allSatisfy({ $0 == 0 }),
      scales.allSatisfy({ $0.isNormal && $0 > 0 })
    else { return nil }
    return ColumnQuantizer(scales: scales, lowest: lowest, highest: highest)
  }

  func check(_ shape: Shape, for function: String) throws {
    try require(
      scales.allSatisfy { $0 > 0 && $0.isFinite }, function, "scales must be positive and finite")
    try require(
      zeroPoints.count == 1 || zeroPoints.count == scales.count, function,
      "there are \(zeroPoints.count) zero points and \(scales.count) scales")
    let needed: Int
    if let axis {
      try require(axis < shape.rank, function, "\(shape) has no dimension \(axis + 1)")
      if let block {
        try require(block > 0, function, "the block size must be positive (got \(block))")
        needed = shape.replacing(axis, with: (shape[axis] + block - 1) / block).elements
      } else {
        needed = shape[axis]
      }
    } else {
      needed = 1
    }
    try require(
      scales.count == needed, function, "\(shape) needs \(needed) scales, there are \(scales.count)")
  }

  /// Calls `body` with runs of consecutive elements (row-major) that share a scale.
  func forEachRun(_ shape: Shape, _ body: (Range<Int>, Float, Int) -> Void) {
    guard let axis else { return body(0..<shape.elements, scales[0], zeroPoints[0]) }
    let inner = shape.dims[(axis + 1)...].reduce(1, *)
    let outer = shape.dims[..<axis].reduce(1, *)
    let blocks = block.map { (shape[axis] + $0 - 1) / $0 } ?? 0
    for i in 0..<outer {
      for j in 0..<shape[axis] {
        let start = (i * shape[axis] + j) * inner
        guard let block else {
          body(start..<start + inner, scales[j], zeroPoints[zeroPoints.count == 1 ? 0 : j])
          continue
        }
        for k in 0..<inner {
          let place = (i * blocks + j / block) * inner + k
          body(start + k..<start + k + 1, scales[place], zeroPoints[zeroPoints.count == 1 ? 0 : place])
        }
      }
    }
  }
}

/// Integers from real numbers: `clamp(rne(x / scale) + zeroPoint)`. ONNX QuantizeLinear.
public struct QuantizeIntegers: Op {
  public static let name = "quantize_integers"
  public let grid: IntegerGrid
  public init(_ grid: IntegerGrid) { self.grid = grid }

  public func shape(of s: [Shape]) throws -> Shape {
    try grid.check(s[0], for: name)
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(types[0] == .f32, "input must be f32, got \(types[0])")
    return grid.type
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].contiguous()
    let y = try Tensor(undefined: x.shape, grid.type)
    let input = x.floats
    func fill<T: Element & FixedWidthInteger>(_: T.Type) {
      let output = y.pointer(T.self)
      let (low, high) = (Float(grid.lowest), Float(grid.highest))
      grid.forEachRun(x.shape) { run, scale, zero in
        for i in run {
          let q = (input[i] / scale).rounded(.toNearestOrEven) + Float(zero)
          output[i] = q >= low ? (q < high ? T(q) : T(grid.highest)) : T(grid.lowest)
        }
      }
    }
    switch grid.type {
    case .u8: fill(UInt8.self)
    case .i8: fill(Int8.self)
    default: fill(Int32.self)
    }
    withExtendedLifetime(x) {}
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}

/// Real numbers from integers: `(q - zeroPoint) * scale`. ONNX DequantizeLinear.
public struct DequantizeIntegers: Op {
  public static let name = "dequantize_integers"
  public let grid: IntegerGrid
  public init(_ grid: IntegerGrid) { self.grid = grid }

  public func shape(of s: [Shape]) throws -> Shape {
    try grid.check(s[0], for: name)
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType {
    try require(
      [.u8, .i8, .i32].contains(types[0]), "input must be u8, i8 or i32, got \(types[0])")
    return .f32
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let x = try t[0].contiguous()
    let y = try Tensor(undefined: x.shape, .f32)
    let output = y.floats
    func fill<T: Element & FixedWidthInteger>(_: T.Type) {
      let input = x.pointer(T.self)
      grid.forEachRun(x.shape) { run, scale, zero in
        for i in run { output[i] = Float(Int(input[i]) - zero) * scale }
      }
    }
    switch x.dtype {
    case .u8: fill(UInt8.self)
    case .i8: fill(Int8.self)
    default: fill(Int32.self)
    }
    withExtendedLifetime(x) {}
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] { [nil] }
}
