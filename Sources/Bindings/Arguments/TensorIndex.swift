import LuaHost
import Tensors

/// What stands in the brackets of `t[...]`: a position, or a table with a position or a range for each of the
/// first dimensions. Positions count from 1, or from the end with negative numbers; `{2, 4}` is the range from
/// 2 to 4, both included, `{1, -1, 2}` every second, `{}` everything.
struct TensorIndex {
  private enum Part {
    /// A position, whose dimension goes.
    case position(Int)
    case range(start: Int, count: Int, step: Int)
  }

  private let parts: [Part]

  init(_ value: LuaValue, of shape: Shape) throws {
    switch value {
    case .int(let position): parts = [.position(try Self.position(position, 0, shape))]
    case .table(let table) where table.fields.isEmpty:
      try require(
        table.items.count <= shape.rank, "index",
        "\(shape) has \(shape.rank) dimensions, there are \(table.items.count) indices")
      parts = try table.items.enumerated().map { axis, item in try Self.part(item, axis, shape) }
    default:
      throw ShapeError(
        "index", "must be a whole number or a table of numbers and ranges, got a \(value.typeName)")
    }
  }

  private static func part(_ value: LuaValue, _ axis: Int, _ shape: Shape) throws -> Part {
    if case .int(let position) = value { return .position(try self.position(position, axis, shape)) }
    guard case .table(let range) = value, range.items.count <= 3, range.fields.isEmpty else {
      throw ShapeError(
        "index", "of dimension \(axis + 1) must be a whole number or a range {first, last, step}")
    }
    let numbers = try range.items.map { item in
      guard case .int(let number) = item else {
        throw ShapeError("index", "a range holds whole numbers, got a \(item.typeName)")
      }
      return number
    }
    if numbers.isEmpty { return .range(start: 0, count: shape[axis], step: 1) }
    try require(numbers.count > 1, "index", "a range needs a first and a last position, as in {2, -1}")
    let step = numbers.count > 2 ? numbers[2] : 1
    try require(step != 0, "index", "the step of a range cannot be 0")
    let first = try position(numbers[0], axis, shape), last = try position(numbers[1], axis, shape)
    let distance = step > 0 ? last - first : first - last
    return .range(
      start: first, count: distance < 0 ? 0 : distance / Int(min(step.magnitude, 1 << 40)) + 1, step: step)
  }

  private static func position(_ position: Int, _ axis: Int, _ shape: Shape) throws -> Int {
    try require(shape.rank > axis, "index", "a tensor without dimensions has no elements to pick; use item()")
    let extent = shape[axis]
    try require(
      position != 0 && position <= extent && position >= -extent, "index",
      "\(position) is outside dimension \(axis + 1) of \(shape); positions go from 1 to \(extent), or -\(extent) to -1"
    )
    return position > 0 ? position - 1 : position + extent
  }

  /// The elements picked, through which gradients flow.
  func select(from x: Tensor) throws -> Tensor {
    var result = x
    var kept: [Int] = []
    for (axis, part) in parts.enumerated() {
      switch part {
      case .position(let place): result = try Slice(axis: axis, start: place, count: 1)(result)
      case .range(let start, let count, let step):
        result = try Slice(axis: axis, start: start, count: count, step: step)(result)
        kept.append(count)
      }
    }
    return try result.reshaped(Shape(kept + result.shape.dropFirst(parts.count)))
  }

  /// The elements picked, as a view to write through.
  func window(of x: Tensor) -> Tensor {
    var (extents, strides, offset): ([Int], [Int], Int) = ([], [], x.offset)
    for axis in x.shape.indices {
      switch axis < parts.count ? parts[axis] : .range(start: 0, count: x.shape[axis], step: 1) {
      case .position(let place): offset += place * x.strides[axis]
      case .range(let start, let count, let step):
        offset += start * x.strides[axis]
        extents.append(count)
        strides.append(step * x.strides[axis])
      }
    }
    return x.view(Shape(extents), strides: Strides(strides), offset: offset)
  }
}
