import LuaHost
import Runs

extension JSONValue {
  /// - Parameter subject: what the value is, for the error: "param: 'lr'".
  /// - Throws: for a value that cannot be written down.
  init(_ value: LuaValue, of subject: String) throws {
    switch value {
    case .nil: self = .null
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(Int64(value))
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .table(let table) where table.fields.isEmpty && !table.items.isEmpty:
      self = .array(try table.items.map { try JSONValue($0, of: subject) })
    case .table(let table): self = .object(try Self.object(table, of: subject))
    default:
      throw LuaError("\(subject) cannot be a \(value.typeName); give a number, string, boolean or table")
    }
  }

  private static func object(_ table: LuaTable, of subject: String) throws -> [String: JSONValue] {
    var object: [String: JSONValue] = [:]
    for (index, item) in table.items.enumerated() {
      object["\(index + 1)"] = try JSONValue(item, of: subject)
    }
    for (key, value) in table.fields {
      switch key {
      case .string(let name): object[name] = try JSONValue(value, of: subject)
      case .int(let number): object["\(number)"] = try JSONValue(value, of: subject)
      default: throw LuaError("\(subject) has a \(key.typeName) as a key; use names or whole numbers")
      }
    }
    return object
  }
}

extension LuaValue {
  init(_ value: JSONValue) {
    switch value {
    case .null: self = .nil
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(Int(value))
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .table(LuaTable(items: values.map(LuaValue.init)))
    case .object(let values): self = .table(LuaTable(sorted: values.mapValues(LuaValue.init)))
    }
  }

  init(_ value: String?) { self = value.map(LuaValue.string) ?? .nil }
  init(_ value: Double?) { self = value.map(LuaValue.number) ?? .nil }
  init(_ value: Int?) { self = value.map(LuaValue.int) ?? .nil }
}

extension LuaTable {
  /// Fields in alphabetical order; those that are nil are left out.
  init(sorted fields: [String: LuaValue]) {
    self.init(
      fields: fields.sorted { $0.key < $1.key }.compactMap { key, value in
        if case .nil = value { return nil }
        return (.string(key), value)
      })
  }
}
