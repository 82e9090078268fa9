import CLuaBridge

/// Nested tables of numbers as one flat array in row-major order: what `qs.tensor{{1, 2}, {3, 4}}` is given.
public struct LuaNumbers {
  /// The length of each level; empty for a plain number.
  public private(set) var shape: [Int] = []
  public private(set) var values: [Double] = []
  /// Whether the script wrote all of them as integers.
  public private(set) var isInteger = true
}

extension LuaNumbers: LuaDecodable {
  public static var luaName: String { "number|table" }
  public static var acceptsTable: Bool { true }

  /// - Throws: `LuaMismatch` for ragged tables and for anything that is not a number.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaNumbers? {
    var numbers = LuaNumbers()
    if let number = try Double.decode(argument) {
      numbers.values = [number]
      numbers.isInteger = argument.kind == .integer
      return numbers
    }
    guard let table = try argument.table() else { return nil }
    var first = table
    while true {
      numbers.shape.append(first.count)
      guard first.count > 0, let inner = try first[0].table() else { break }
      first = inner
    }
    // A ragged table's shape may promise more than is there, so the promise is only reserved up to a bound.
    numbers.values.reserveCapacity(
      min(numbers.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }, 1 << 28))
    try numbers.fill(table, depth: 0, path: "")
    return numbers
  }

  private mutating func fill(_ table: LuaTableView, depth: Int, path: String) throws(LuaMismatch) {
    guard table.fieldCount == 0 else {
      throw .problem("\(place(path)) has keys that are not 1, 2, 3 ... (\(table.key(0).shown))")
    }
    guard table.count == shape[depth] else {
      throw .problem(
        "ragged table: \(place(path)) has \(table.count) values, others at its level have \(shape[depth])")
    }
    if depth == shape.count - 1 { return try append(table, path: path) }
    for index in 0..<table.count {
      guard let inner = try table[index].table() else {
        throw .problem(
          "ragged table: \(path)[\(index + 1)] is a \(table[index].typeName), others at its level are tables")
      }
      try fill(inner, depth: depth + 1, path: "\(path)[\(index + 1)]")
    }
  }

  private mutating func append(_ table: LuaTableView, path: String) throws(LuaMismatch) {
    for index in 0..<table.count {
      let raw = table.raw.item[index]
      switch raw.tag {
      case LB_INTEGER: values.append(Double(raw.as.integer))
      case LB_NUMBER:
        values.append(raw.as.number)
        isInteger = false
      case LB_TREE:
        throw .problem("ragged table: \(path)[\(index + 1)] is a table, others at its level are numbers")
      default:
        throw .element(path: "\(path)[\(index + 1)]", expected: "number", got: table[index].typeName)
      }
    }
  }

  private func place(_ path: String) -> String { path.isEmpty ? "it" : path }
}
