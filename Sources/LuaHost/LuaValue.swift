/// A Lua value copied out of a script, or to be handed to one.
public enum LuaValue {
  case `nil`
  case bool(Bool)
  case int(Int)
  case number(Double)
  case string(String)
  /// A string that is not UTF-8 text.
  case bytes([UInt8])
  case object(any LuaObject)
  case function(LuaFunction)
  case table(LuaTable)
  /// A value that stays in Lua: a coroutine, an open file, a table that nests too deep to copy.
  case other(typeName: String)

  /// The name of the value's type as scripts know it.
  public var typeName: String {
    switch self {
    case .nil: "nil"
    case .bool: "boolean"
    case .int, .number: "number"
    case .string, .bytes: "string"
    case .object(let object): type(of: object).luaName
    case .function: "function"
    case .table: "table"
    case .other(let name): name
    }
  }
}

extension LuaValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
  public init(nilLiteral: ()) { self = .nil }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
}

/// A Lua table as a value: its sequence, and its other fields in order.
public struct LuaTable {
  public var items: [LuaValue]
  public var fields: [(key: LuaValue, value: LuaValue)]

  public init(items: [LuaValue] = [], fields: [(key: LuaValue, value: LuaValue)] = []) {
    self.items = items
    self.fields = fields
  }

  /// A table of named fields, in the order given.
  public init(_ fields: KeyValuePairs<String, LuaValue>) {
    self.init(fields: fields.map { (.string($0.key), $0.value) })
  }

  /// The field of that name; `nil` where there is none. Setting `nil` removes it.
  public subscript(name: String) -> LuaValue? {
    get { index(of: name).map { fields[$0].value } }
    set {
      switch (index(of: name), newValue) {
      case (let index?, let value?): fields[index].value = value
      case (let index?, nil): fields.remove(at: index)
      case (nil, let value?): fields.append((.string(name), value))
      case (nil, nil): break
      }
    }
  }

  private func index(of name: String) -> Int? {
    fields.firstIndex {
      guard case .string(let key) = $0.key else { return false }
      return key == name
    }
  }
}

/// A Lua string as the bytes it is.
public struct LuaBytes: Hashable, Sendable {
  public var bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
}
