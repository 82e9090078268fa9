import Models
import Tensors

/// Looking up and placing by index; constants made of sizes.
extension OnnxOperator {
  static let indexing: [String: OnnxOperator] = [
    "Gather": OnnxOperator { c in
      let (x, indices) = (try c.input(0), try c.input(1))
      let axis = try c.axis(c.int("axis", 0), of: x)
      return try c.emit(IndexSelect(axis: axis), x, inRange(c, indices, try c.shape(x)[axis]))
    },
    "GatherElements": OnnxOperator { c in
      let (x, indices) = (try c.input(0), try c.input(1))
      let axis = try c.axis(c.int("axis", 0), of: x)
      return try c.emit(Gather(axis: axis), x, inRange(c, indices, try c.shape(x)[axis]))
    },
    "OneHot": OnnxOperator { c in try oneHot(c) },
  ]

  static let constants: [String: OnnxOperator] = [
    "Constant": OnnxOperator { c in try constant(c) },
    "ConstantOfShape": OnnxOperator { c in
      let dims = try c.integers(0, "shape")
      try fixed(c, dims)
      let shape = try Shape(checking: dims, for: "onnx")
      try c.requireModest(shape)
      guard case .tensor(let stored)? = c.node.attributes["value"] else {
        return c.constant(try Tensor.zeros(shape))
      }
      let value = try stored.tensor()
      return c.constant(try value.reshaped([]).broadcast(to: shape).contiguous())
    },
    "Range": OnnxOperator { c in
      let type = try c.dtype(c.input(0))
      guard let start = try c.number(0, "start"), let limit = try c.number(1, "limit"),
        let delta = try c.number(2, "delta"), delta != 0
      else { throw OnnxRefusal("needs a start, a limit and a delta that is not 0") }
      let steps = max(0, ((limit - start) / delta).rounded(.up))
      try fixed(c, [Int(exactly: limit) ?? 0, Int(exactly: start) ?? 0])
      try c.require(steps < 16_777_216, "makes \(steps) numbers, which is too many")
      return c.constant(try Tensor.arange(start: start, count: Int(steps), step: delta, type))
    },
    "EyeLike": OnnxOperator { c in
      let shape = try c.shape(c.input(0))
      try fixed(c, shape.dims)
      try c.require(shape.rank == 2, "needs a matrix, got \(shape)")
      try c.requireModest(shape)
      let k = try c.int("k", 0)
      let values: [Double] = (0..<shape.elements).map { $0 % shape[1] - $0 / shape[1] == k ? 1.0 : 0.0 }
      let code = try c.int("dtype", OnnxType(c.dtype(c.input(0))).rawValue)
      return c.constant(try Tensor.from(values, shape, OnnxType(rawValue: code)?.dtype ?? .f32))
    },
  ]

  static func fixed(_ c: OnnxCall, _ sizes: [Int]) throws {
    try c.require(
      !sizes.contains(where: c.importer.symbols.isSymbolic),
      "its size is not fixed; \(c.importer.symbols.remedy)")
  }

  private static func constant(_ c: OnnxCall) throws -> OnnxValue {
    switch c.node.attributes.first(where: { $0.key.hasPrefix("value") })?.value {
    case .tensor(let stored)?: c.constant(try stored.tensor())
    case .float(let value)?: c.constant(try Tensor([], [value]))
    case .floats(let values)?: c.constant(try Tensor([values.count], values))
    case .int(let value)?: c.constant(try Tensor([], [Int64(value)]))
    case .ints(let values)?: try c.integers(values)
    default: throw OnnxRefusal("its value is text, sparse or missing")
    }
  }

  /// Indices from the end made ones from the start.
  static func inRange(_ c: OnnxCall, _ indices: OnnxValue, _ extent: Int) throws -> OnnxValue {
    if let constant = indices.constant {
      let values = try constant.tensor().doubles()
      if values.allSatisfy({ $0 >= 0 }) { return indices }
      // An open extent is a prime; the remainder of its multiple stays one.
      let moved = values.map { $0 < 0 ? $0 + Double(extent) : $0 }
      return .constant(
        OnnxConstant(
          try Tensor.from(moved, constant.tensor().shape, .i64),
          isSymbolic: c.importer.symbols.isSymbolic(extent)))
    }
    // Embedding tables are read by token numbers, which are never negative.
    if c.importer.symbols.isSymbolic(extent) { return indices }
    let wide = try c.cast(indices, .i64)
    let negative = try c.emit(Less(), wide, c.scalar(0, like: wide))
    return try c.emit(Where(), negative, c.add(wide, c.scalar(Double(extent), like: wide)), wide)
  }

  private static func oneHot(_ c: OnnxCall) throws -> OnnxValue {
    let indices = try c.cast(c.input(0), .i64)
    guard let depth = try c.integer(1, "depth"), depth > 0 else { throw OnnxRefusal("has no depth") }
    try c.requireModest([depth])
    let values = try c.constant(2, "values")
    try c.require(values.count == 2, "needs two values, got \(values.count)")
    let (off, on) = (try values.doubles()[0], try values.doubles()[1])
    let rank = try c.shape(indices).rank
    try c.require(rank < Shape.maximumRank, "\(try c.shape(indices)) has no room for another dimension")
    let axis = try c.axis(c.int("axis", -1), of: indices, extra: 1)
    let size = try c.scalar(Double(depth), like: indices)
    let negative = try c.emit(Less(), indices, c.scalar(0, like: indices))
    let wrapped = try c.emit(Where(), negative, c.add(indices, size), indices)
    let column = try c.emit(Unsqueeze(axis: axis), wrapped)
    var classes = [Int](repeating: 1, count: rank + 1)
    classes[axis] = depth
    let range = c.constant(try Tensor.arange(start: 0, count: depth, .i64).reshaped(Shape(classes)))
    let hit = try c.emit(Equal(), column, range)
    let type = values.dtype
    return try c.emit(
      Where(), hit, c.constant(Tensor.scalar(on, type)), c.constant(Tensor.scalar(off, type)))
  }
}
