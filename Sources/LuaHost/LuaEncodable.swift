import CLuaBridge

/// A type that a bound function can return, or Swift can hand to a script's function.
public protocol LuaEncodable: LuaNamed {
  func payload(for vm: LuaVM) throws -> LuaPayload
}

/// A value on its way into Lua. Made by `LuaEncodable.payload(for:)` and used once.
public struct LuaPayload {
  @usableFromInline var raw: lb_value

  @inlinable
  init(_ raw: lb_value) { self.raw = raw }

  @inlinable static var `nil`: LuaPayload { LuaPayload(lb_value()) }

  static func bytes(_ bytes: UnsafeRawBufferPointer) throws -> LuaPayload {
    guard bytes.count < UInt32.max else { throw LuaError("string is longer than 4 GiB") }
    return LuaPayload(lb_string(bytes.baseAddress, bytes.count))
  }

  /// A table of `items`, then `fields` in the order given.
  static func table(items: [LuaPayload], fields: [(LuaPayload, LuaPayload)] = []) throws -> LuaPayload {
    guard items.count < Int32.max, fields.count < Int32.max else { throw LuaError("table is too large") }
    let table = lb_new_table(UInt32(items.count), UInt32(fields.count))
    guard table.tag == LB_TREE else { throw LuaError("not enough memory") }
    for (index, item) in items.enumerated() { table.as.table.pointee.item[index] = item.raw }
    for (index, field) in fields.enumerated() {
      table.as.table.pointee.field[2 * index] = field.0.raw
      table.as.table.pointee.field[2 * index + 1] = field.1.raw
    }
    return LuaPayload(table)
  }
}

extension Bool: LuaEncodable {
  @inlinable
  public func payload(for vm: LuaVM) -> LuaPayload {
    LuaPayload(lb_value(tag: LB_BOOLEAN, flag: 0, type: 0, count: 0, as: .init(boolean: self)))
  }
}

extension Int: LuaEncodable {
  @inlinable
  public func payload(for vm: LuaVM) -> LuaPayload {
    LuaPayload(lb_value(tag: LB_INTEGER, flag: 0, type: 0, count: 0, as: .init(integer: Int64(self))))
  }
}

extension Double: LuaEncodable {
  @inlinable
  public func payload(for vm: LuaVM) -> LuaPayload {
    LuaPayload(lb_value(tag: LB_NUMBER, flag: 0, type: 0, count: 0, as: .init(number: self)))
  }
}

extension Float: LuaEncodable {
  public static var luaName: String { "number" }
  public func payload(for vm: LuaVM) -> LuaPayload { Double(self).payload(for: vm) }
}

extension String: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    var text = self
    return try text.withUTF8 { try .bytes(UnsafeRawBufferPointer($0)) }
  }
}

extension LuaBytes: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload { try bytes.withUnsafeBytes { try .bytes($0) } }
}

extension Optional: LuaEncodable where Wrapped: LuaEncodable {
  @inlinable
  public func payload(for vm: LuaVM) throws -> LuaPayload { try self?.payload(for: vm) ?? .nil }
}

extension Array: LuaEncodable where Element: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    try .table(items: map { try $0.payload(for: vm) })
  }
}

/// Keys go in alphabetical order, so that what a script sees does not change from run to run.
extension Dictionary: LuaEncodable where Key == String, Value: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    let fields = sorted { $0.key < $1.key }
    return try .table(
      items: [], fields: fields.map { (try $0.key.payload(for: vm), try $0.value.payload(for: vm)) })
  }
}

extension LuaTable: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    try .table(
      items: items.map { try $0.payload(for: vm) },
      fields: fields.map { (try $0.key.payload(for: vm), try $0.value.payload(for: vm)) })
  }
}

extension LuaValue: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    switch self {
    case .nil: .nil
    case .bool(let value): value.payload(for: vm)
    case .int(let value): value.payload(for: vm)
    case .number(let value): value.payload(for: vm)
    case .string(let value): try value.payload(for: vm)
    case .bytes(let value): try LuaBytes(value).payload(for: vm)
    case .object(let value): try value.payload(for: vm)
    case .function(let value): try value.payload(for: vm)
    case .table(let value): try value.payload(for: vm)
    case .other(let name): throw LuaError("a \(name) cannot be handed over")
    }
  }
}

extension OneOf: LuaEncodable where First: LuaEncodable, Second: LuaEncodable {
  public func payload(for vm: LuaVM) throws -> LuaPayload {
    switch self {
    case .first(let value): try value.payload(for: vm)
    case .second(let value): try value.payload(for: vm)
    }
  }
}

/// Several results of one function: `return LuaResults(loss, accuracy)`. At most 8.
public struct LuaResults {
  let values: [any LuaEncodable]

  public init<each Value: LuaEncodable>(_ value: repeat each Value) {
    var values: [any LuaEncodable] = []
    repeat values.append(each value)
    precondition(values.count <= LB_MAX_RESULTS, "a function returns at most \(LB_MAX_RESULTS) values")
    self.values = values
  }

  /// - Throws: `LuaError` for more than 8 values.
  public init(_ values: [some LuaEncodable]) throws {
    guard values.count <= LB_MAX_RESULTS else {
      throw LuaError("\(values.count) results are too many; return at most \(LB_MAX_RESULTS), or a table")
    }
    self.values = values
  }
}
