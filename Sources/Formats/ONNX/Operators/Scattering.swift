import Models
import Tensors

/// Writing by index, reading by index in several dimensions, and the best elements.
extension OnnxOperator {
  static let scattering: [String: OnnxOperator] = [
    "ScatterElements": OnnxOperator { c in try scatterElements(c) },
    "Scatter": OnnxOperator { c in try scatterElements(c) },
    "ScatterND": OnnxOperator { c in try scatterND(c) },
    "GatherND": OnnxOperator { c in try gatherND(c) },
    "TopK": OnnxOperator(several: { c in
      let x = try c.input(0)
      let axis = try c.axis(c.int("axis", -1), of: x)
      try fixed(c, [c.shape(x)[axis]])
      guard let k = try c.integer(1, "k") else { throw OnnxRefusal("has no k") }
      let places = try c.emit(TopK(k, axis: axis, largest: c.flag("largest", true)), x)
      return [try c.emit(Gather(axis: axis), x, places), places]
    }),
  ]

  private static func reduction(_ c: OnnxCall) throws -> Scatter.Reduction {
    let name = try c.string("reduction", "none")
    guard let reduction = Scatter.Reduction(rawValue: name) else {
      throw OnnxRefusal("attribute 'reduction' is '\(name)'; none and add are supported")
    }
    return reduction
  }

  private static func scatterElements(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let axis = try c.axis(c.int("axis", 0), of: x)
    let indices = try inRange(c, c.input(1), try c.shape(x)[axis])
    return try c.emit(Scatter(axis: axis, reduction: reduction(c)), x, indices, c.input(2))
  }

  // MARK: Indices of several dimensions

  /// x [d0, ..., dk, rest] as rows, and which of them the indices [..., k] name.
  private struct Rows {
    let x, numbers: OnnxValue
    /// Rows named, and elements of each.
    let count, width: Int
    /// Of the indices without their last dimension, and of one row.
    let outer, inner: [Int]
  }

  /// - Parameter batch: leading dimensions that x and the indices have in common.
  private static func rows(_ c: OnnxCall, batch: Int = 0) throws -> Rows {
    let (x, indices) = (try c.input(0), try c.cast(c.input(1), .i64))
    let (shape, places) = (try c.shape(x), try c.shape(indices))
    guard batch >= 0, batch < places.rank, let depth = places.last, depth > 0, depth <= shape.rank - batch,
      shape.prefix(batch).elementsEqual(places.prefix(batch))
    else {
      throw OnnxRefusal("indices \(places) do not fit \(shape)")
    }
    try fixed(c, shape.dims + places.dims)
    let batches = Array(shape.prefix(batch))
    let (named, inner) = (Array(shape.dims[batch..<batch + depth]), Array(shape.dims[(batch + depth)...]))
    let width = inner.reduce(1, *)
    let strides = named.indices.map { i in named[(i + 1)...].reduce(1, *) }
    let counted = try fromTheStart(c, indices, named)
    let inside = try c.emit(
      Minimum(), c.emit(Maximum(), counted, c.scalar(0, like: counted)), c.integers(named.map { $0 - 1 }))
    var numbers = try c.emit(Sum(axes: [places.rank - 1]), c.mul(inside, c.integers(strides)))
    let outer = Array(places.dims.dropLast())
    let (count, rows) = (outer.reduce(1, *), named.reduce(1, *))
    if batch > 0 {
      try c.requireModest(Shape(batches))
      let starts = try c.integers((0..<batches.reduce(1, *)).map { $0 * rows })
      let ones = [Int](repeating: 1, count: outer.count - batch)
      numbers = try c.add(numbers, c.reshape(starts, batches + ones))
    }
    let all = batches.reduce(rows, *)
    // An index outside of its own dimension must not name a row of another: it names none, and the lookup refuses it.
    let strays = try c.emit(Sum(axes: [places.rank - 1]), c.emit(NotEqual(), counted, inside))
    let isStray = try c.emit(NotEqual(), strays, c.scalar(0, like: strays))
    numbers = try c.emit(Where(), isStray, c.scalar(Double(all), like: numbers), numbers)
    return Rows(
      x: try c.reshape(x, [all, width]), numbers: try c.reshape(numbers, [count]), count: count,
      width: width, outer: outer, inner: inner)
  }

  /// Indices [..., k] into k dimensions, those from the end made ones from the start.
  private static func fromTheStart(_ c: OnnxCall, _ indices: OnnxValue, _ extents: [Int]) throws -> OnnxValue
  {
    let negative = try c.emit(Less(), indices, c.scalar(0, like: indices))
    return try c.emit(Where(), negative, c.add(indices, c.integers(extents)), indices)
  }

  private static func scatterND(_ c: OnnxCall) throws -> OnnxValue {
    let rows = try rows(c)
    let column = try c.reshape(rows.numbers, [rows.count, 1])
    let everywhere = try c.emit(BroadcastTo(shape: [rows.count, rows.width]), column)
    let updates = try c.reshape(c.input(2), [rows.count, rows.width])
    let y = try c.emit(Scatter(axis: 0, reduction: reduction(c)), rows.x, everywhere, updates)
    return try c.reshape(y, c.shape(c.input(0)).dims)
  }

  private static func gatherND(_ c: OnnxCall) throws -> OnnxValue {
    let rows = try rows(c, batch: c.int("batch_dims", 0))
    return try c.reshape(c.emit(IndexSelect(axis: 0), rows.x, rows.numbers), rows.outer + rows.inner)
  }
}
