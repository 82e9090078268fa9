import Models
import Tensors

/// Reductions over dimensions.
extension OnnxOperator {
  static let reductions: [String: OnnxOperator] = [
    "ReduceSum": reduction { c, x, axes, keep in try c.emit(Sum(axes: axes, keepDims: keep), x) },
    "ReduceMean": reduction { c, x, axes, keep in try c.emit(Mean(axes: axes, keepDims: keep), x) },
    "ReduceMax": reduction { c, x, axes, keep in
      try extremum(c, x, axes, keep, Max(axes: axes, keepDims: keep), -.infinity)
    },
    "ReduceMin": reduction { c, x, axes, keep in
      try extremum(c, x, axes, keep, Min(axes: axes, keepDims: keep), .infinity)
    },
    "ReduceProd": reduction { c, x, axes, keep in try c.emit(Prod(axes: axes, keepDims: keep), x) },
    "ReduceL1": reduction { c, x, axes, keep in try c.emit(Sum(axes: axes, keepDims: keep), c.emit(Abs(), x))
    },
    "ReduceL2": reduction { c, x, axes, keep in
      try c.emit(Sqrt(), c.emit(Sum(axes: axes, keepDims: keep), c.emit(Square(), x)))
    },
    "ReduceSumSquare": reduction { c, x, axes, keep in
      try c.emit(Sum(axes: axes, keepDims: keep), c.emit(Square(), x))
    },
    "ReduceLogSum": reduction { c, x, axes, keep in
      try c.emit(Log(), c.emit(Sum(axes: axes, keepDims: keep), x))
    },
    "ReduceLogSumExp": reduction { c, x, axes, keep in
      let largest = try c.emit(Max(axes: axes, keepDims: true), x)
      let sum = try c.emit(Sum(axes: axes, keepDims: true), c.emit(Exp(), c.sub(x, largest)))
      let result = try c.add(c.emit(Log(), sum), largest)
      return keep ? result : try c.emit(Sum(axes: axes), result)
    },
    "ArgMax": OnnxOperator { c in try argument(c) { ArgMax(axis: $0, keepDims: $1) } },
    "ArgMin": OnnxOperator { c in try argument(c) { ArgMin(axis: $0, keepDims: $1) } },
    "CumSum": OnnxOperator { c in
      let x = try c.input(0)
      let axis = try c.axis(c.integers(1, "axis").first ?? 0, of: x)
      return try c.emit(Cumsum(axis: axis, exclusive: c.flag("exclusive"), reverse: c.flag("reverse")), x)
    },
  ]

  private typealias Reduce = @Sendable (OnnxCall, OnnxValue, [Int], Bool) throws -> OnnxValue

  private static func reduction(_ reduce: @escaping Reduce) -> OnnxOperator {
    OnnxOperator { c in
      let x = try c.input(0)
      let listed = try c.integers(1, orAttribute: "axes") ?? []
      if try listed.isEmpty && c.flag("noop_with_empty_axes") { return try reduce(c, x, [], true) }
      let rank = try c.shape(x).rank
      let axes = listed.isEmpty ? Array(0..<rank) : try listed.map { try c.axis($0, of: x) }
      return try reduce(c, x, axes, c.flag("keepdims", true))
    }
  }

  /// Truth values are compared as bytes; nothing at all gives the neutral element.
  private static func extremum(
    _ c: OnnxCall, _ x: OnnxValue, _ axes: [Int], _ keep: Bool, _ op: any Op, _ neutral: Double
  ) throws -> OnnxValue {
    let (shape, type) = (try c.shape(x), try c.dtype(x))
    if axes.contains(where: { shape[$0] == 0 }) {
      let result = try Sum(axes: axes, keepDims: keep).shape(of: [shape])
      return c.constant(try Tensor.full(result, neutral, type))
    }
    if type != .bool { return try c.emit(op, x) }
    return try c.cast(c.emit(op, c.cast(x, .u8)), .bool)
  }

  private static func argument(_ c: OnnxCall, _ op: (Int, Bool) -> any Op) throws -> OnnxValue {
    let x = try c.input(0)
    let axis = try c.axis(c.int("axis", 0), of: x)
    let result = op(axis, try c.flag("keepdims", true))
    if try !c.flag("select_last_index") { return try c.emit(result, x) }
    let count = try c.shape(x)[axis]
    try c.require(!c.importer.symbols.isSymbolic(count), "the last of a size that is not fixed")
    let found = try c.emit(result, c.emit(Slice(axis: axis, start: count - 1, count: count, step: -1), x))
    return try c.sub(c.scalar(Double(count - 1), like: found), found)
  }
}
