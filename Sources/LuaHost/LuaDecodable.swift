import CLuaBridge

/// A type that scripts have a name for, in error messages, help and editor stubs.
public protocol LuaNamed: SendableMetatype {
  static var luaName: String { get }
}

/// A type that can be an argument or an option of a bound function.
public protocol LuaDecodable: LuaNamed {
  /// Whether a table may be such a value, so that a trailing table is not taken for options.
  static var acceptsTable: Bool { get }

  /// The value, or nil where the argument is of another type.
  ///
  /// - Throws: `LuaMismatch` where the type is right and the value is not.
  static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Self?
}

extension LuaDecodable {
  public static var acceptsTable: Bool { false }
}

/// Why an argument of the right type is not acceptable. The function that was called adds where.
public enum LuaMismatch: Error {
  /// It breaks a rule: "must be a positive integer (got -1)".
  case rule(String, got: String)
  /// A part of a table is wrong: `path` is "[2]" or ".bits"; `expected` and `got` are type names.
  case element(path: String, expected: String, got: String)
  /// Any other complaint.
  case problem(String)

  /// The same complaint about the part of a table at `path`.
  func inside(_ path: String) -> LuaMismatch {
    guard case .element(let inner, let expected, let got) = self else { return self }
    return .element(path: path + inner, expected: expected, got: got)
  }
}

extension Bool: LuaDecodable {
  public static var luaName: String { "boolean" }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Bool? {
    guard argument.raw.tag == LB_BOOLEAN else { return nil }
    return argument.raw.as.boolean
  }
}

extension Int: LuaDecodable {
  public static var luaName: String { "integer" }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Int? {
    switch argument.raw.tag {
    case LB_INTEGER: return Int(argument.raw.as.integer)
    case LB_NUMBER:
      return Int(exactly: argument.raw.as.number)
    default: return nil
    }
  }
}

extension Double: LuaDecodable {
  public static var luaName: String { "number" }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Double? {
    switch argument.raw.tag {
    case LB_INTEGER: return Double(argument.raw.as.integer)
    case LB_NUMBER: return argument.raw.as.number
    default: return nil
    }
  }
}

extension String: LuaDecodable {
  public static var luaName: String { "string" }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> String? {
    guard argument.raw.tag == LB_STRING else { return nil }
    guard let string = argument.string else { throw .rule("be UTF-8 text", got: "other bytes") }
    return string
  }
}

extension LuaBytes: LuaDecodable {
  public static var luaName: String { "string" }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaBytes? {
    argument.bytes.map { LuaBytes([UInt8]($0)) }
  }
}

extension Optional: LuaNamed where Wrapped: LuaNamed {
  public static var luaName: String { Wrapped.luaName + "?" }
}

extension Optional: LuaDecodable where Wrapped: LuaDecodable {
  public static var acceptsTable: Bool { Wrapped.acceptsTable }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Wrapped?? {
    if argument.raw.tag == LB_NIL { return .some(nil) }
    return try Wrapped.decode(argument).map(Optional.some)
  }
}

extension Array: LuaNamed where Element: LuaNamed {
  public static var luaName: String {
    Element.luaName.contains("|") ? "(\(Element.luaName))[]" : Element.luaName + "[]"
  }
}

extension Array: LuaDecodable where Element: LuaDecodable {
  public static var acceptsTable: Bool { true }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> [Element]? {
    guard let table = try argument.table() else { return nil }
    guard table.fieldCount == 0 else { throw .rule("be a list", got: "a table with keys") }
    var elements: [Element] = []
    elements.reserveCapacity(table.count)
    for index in 0..<table.count { elements.append(try Element.decode(table[index], at: "[\(index + 1)]")) }
    return elements
  }
}

extension Dictionary: LuaNamed where Key == String, Value: LuaNamed {
  public static var luaName: String { "table<string, \(Value.luaName)>" }
}

extension Dictionary: LuaDecodable where Key == String, Value: LuaDecodable {
  public static var acceptsTable: Bool { true }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> [String: Value]? {
    guard let table = try argument.table() else { return nil }
    guard table.count == 0 else { throw .rule("be a table with names as keys", got: "a list") }
    var values: [String: Value] = [:]
    for index in 0..<table.fieldCount {
      guard let name = table.key(index).string else {
        throw .rule("be a table with names as keys", got: "the key \(table.key(index).shown)")
      }
      values[name] = try Value.decode(table.value(index), at: ".\(name)")
    }
    return values
  }
}

extension LuaDecodable {
  /// Decodes a part of a table, so that a mismatch names the part.
  static func decode(_ argument: LuaArgument, at path: @autoclosure () -> String) throws(LuaMismatch) -> Self
  {
    do {
      if let value = try decode(argument) { return value }
    } catch {
      throw error.inside(path())
    }
    throw .element(path: path(), expected: luaName, got: argument.typeName)
  }
}

extension LuaValue: LuaDecodable {
  public static var luaName: String { "any" }
  public static var acceptsTable: Bool { true }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaValue? {
    switch argument.kind {
    case .nil: return .nil
    case .boolean: return .bool(argument.raw.as.boolean)
    case .integer: return .int(Int(argument.raw.as.integer))
    case .number: return .number(argument.raw.as.number)
    case .string:
      if let string = argument.string { return .string(string) }
      return argument.bytes.map { .bytes([UInt8]($0)) }
    case .object:
      return (argument.object as? any LuaObject).map(LuaValue.object) ?? .other(typeName: argument.typeName)
    case .function: return argument.function.map(LuaValue.function) ?? .other(typeName: "function")
    case .table: return try LuaTable.decode(argument).map(LuaValue.table)
    case .other: return .other(typeName: argument.typeName)
    }
  }
}

extension LuaTable: LuaDecodable {
  public static var luaName: String { "table" }
  public static var acceptsTable: Bool { true }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaTable? {
    guard let view = try argument.table() else { return nil }
    var table = LuaTable()
    table.items.reserveCapacity(view.count)
    for index in 0..<view.count { table.items.append(try copy(view[index])) }
    for index in 0..<view.fieldCount {
      table.fields.append((try copy(view.key(index)), try copy(view.value(index))))
    }
    return table
  }

  private static func copy(_ argument: LuaArgument) throws(LuaMismatch) -> LuaValue {
    try LuaValue.decode(argument) ?? .other(typeName: argument.typeName)
  }
}
