import CKernels

/// The gradient of a table [V, ...] that is 0 in all rows but a few: those that a batch looked up.
public final class RowGradient {
  /// Of the table.
  public let shape: Shape
  /// The rows that are not 0, ascending, each once.
  public let rows: [Int64]
  /// [rows.count, ...]: their gradients.
  public let values: Tensor

  /// Adds up `gradients` [count, ...], each for the row that `indices` names, in their order.
  init(of shape: Shape, indices: UnsafeBufferPointer<Int64>, _ gradients: Tensor) throws {
    self.shape = shape
    rows = Self.unique(indices)
    values = try Tensor.zeros(shape.replacing(0, with: rows.count), gradients.dtype)
    let places = try Tensor([indices.count], Self.places(of: indices, in: rows))
    gradients.addRows(to: values, places)
  }

  /// Both together.
  func adding(_ other: RowGradient) throws -> RowGradient {
    try (rows + other.rows).withUnsafeBufferPointer { indices in
      try RowGradient(of: shape, indices: indices, Concat(axis: 0).evaluate(values, other.values))
    }
  }

  /// The whole table's.
  public func dense() throws -> Tensor {
    let table = try Tensor.zeros(shape, values.dtype)
    try add(to: table)
    return table
  }

  /// `table += self`
  func add(to table: Tensor) throws { values.addRows(to: table, try Tensor([rows.count], rows)) }

  private static func unique(_ indices: UnsafeBufferPointer<Int64>) -> [Int64] {
    var rows: [Int64] = []
    for index in indices.sorted() where index != rows.last { rows.append(index) }
    return rows
  }

  private static func places(of indices: UnsafeBufferPointer<Int64>, in rows: [Int64]) -> [Int64] {
    indices.map { index in
      var (low, high) = (0, rows.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if rows[middle] < index { low = middle + 1 } else { high = middle }
      }
      return Int64(low)
    }
  }
}

extension Tensor {
  /// `table[places[i]] += self[i]` for every row i of this contiguous tensor.
  func addRows(to table: Tensor, _ indices: Tensor) {
    let rows = shape[0]
    guard count > 0 else { return }
    let width = count / rows
    let places = indices.pointer(Int64.self)
    defer { withExtendedLifetime(indices) {} }
    if dtype == .f32 { return qk_f32_scatter_add_rows(rows, width, floats, places, table.floats) }
    let (from, to) = (pointer(Double.self), table.pointer(Double.self))
    for i in 0..<count { to[Int(places[i / width]) * width + i % width] += from[i] }
  }

  /// The rows of this dense table that `rows` names, as a table of their own.
  public func rows(_ rows: [Int64]) throws -> Tensor {
    try IndexSelect(axis: 0).evaluate(self, Tensor([rows.count], rows))
  }

  /// Overwrites the rows of this contiguous table that `rows` names with those of `source`. Not counted as a change.
  public func replaceRows(_ rows: [Int64], with source: Tensor) {
    let size = byteCount / Swift.max(shape[0], 1)
    for (i, row) in rows.enumerated() {
      (bytes + Int(row) * size).copyMemory(from: source.bytes + i * size, byteCount: size)
    }
  }
}

/// What `backward` has collected for a leaf.
enum CollectedGradient {
  case whole(Tensor)
  case rows(RowGradient)
}

extension Tensor {
  /// The gradient that `backward` has collected. One of few rows (`rowGradient`) is written out each time this is
  /// read: change its `values`, or set the gradient anew. nil, too, where memory is too short for that.
  public var grad: Tensor? {
    get {
      switch collected {
      case nil: nil
      case .whole(let gradient)?: gradient
      case .rows(let rows)?: try? rows.dense()
      }
    }
    set { collected = newValue.map { .whole($0) } }
  }

  /// The gradient, where only few rows of it are not 0.
  public var rowGradient: RowGradient? {
    if case .rows(let rows)? = collected { rows } else { nil }
  }

  /// The numbers of the gradient: all of them, or those of its rows. What changes them changes the gradient.
  public var gradientValues: Tensor? { rowGradient?.values ?? grad }

  /// Makes the first gradient of this leaf its own where nobody else knows that tensor or its bytes, so that they need
  /// no copy. Returns whether it did.
  func takeAsGradient(_ gradient: inout Tensor?) -> Bool {
    guard case nil = collected, mayBeTakenOver(by: &gradient) else { return false }
    collected = gradient.map { .whole($0) }
    gradient = nil
    return true
  }

  /// Whether `other` lies as this tensor does and nobody else knows it or its bytes.
  func mayBeTakenOver(by other: inout Tensor?) -> Bool {
    guard isKnownUniquelyReferenced(&other), let other else { return false }
    return other.origin == nil && other.liesLike(self) && other.dtype == dtype && other.isDense
      && other.byteCount == other.storage.byteCount && other.ownsStorage
  }

  /// Adds to the gradient of this leaf.
  func accumulate(_ gradient: Tensor) throws {
    switch collected {
    case nil: collected = .whole(try gradient.copy(format: format))
    case .whole(let sum)?: try sum.addInPlace(gradient)
    case .rows(let rows)?:
      let sum = try gradient.copy(format: .contiguous)
      try rows.add(to: sum)
      collected = .whole(sum)
    }
  }

  /// Adds `gradients` [count, ...], one for each row that `indices` names, to the gradient of this leaf.
  func accumulateRows(_ gradients: Tensor, _ indices: UnsafeBufferPointer<Int64>) throws {
    let fresh = try RowGradient(of: shape, indices: indices, gradients)
    switch collected {
    case nil: collected = .rows(fresh)
    case .rows(let rows)?: collected = .rows(try rows.adding(fresh))
    case .whole(let sum)?: try sum.addInPlace(fresh.dense())
    }
  }
}
