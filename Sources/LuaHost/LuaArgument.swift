import CLuaBridge

/// One value that a script passed, seen where it lies. Valid only during the call.
public struct LuaArgument {
  public enum Kind: Sendable {
    case `nil`, boolean, integer, number, string, object, function, table, other
  }

  @usableFromInline let raw: lb_value
  @usableFromInline unowned(unsafe) let vm: LuaVM

  @inlinable
  init(_ raw: lb_value, vm: LuaVM) {
    self.raw = raw
    self.vm = vm
  }

  @inlinable var isNil: Bool { raw.tag == LB_NIL }

  public var kind: Kind {
    switch raw.tag {
    case LB_NIL: .nil
    case LB_BOOLEAN: .boolean
    case LB_INTEGER: .integer
    case LB_NUMBER: .number
    case LB_STRING: .string
    case LB_OBJECT: .object
    case LB_FUNCTION: .function
    case LB_TABLE, LB_TREE: .table
    default: .other
    }
  }

  /// The name of the value's type as scripts know it.
  public var typeName: String {
    switch kind {
    case .nil: return "nil"
    case .boolean: return "boolean"
    case .integer, .number: return "number"
    case .string: return "string"
    case .object:
      let name = vm.typeName(Int(raw.type))
      return raw.as.object == nil ? "closed \(name)" : name
    case .function: return "function"
    case .table: return "table"
    case .other: return String(cString: lb_type_name(Int32(raw.type)))
    }
  }

  /// What an error says it got: the number itself where a number has the wrong value, else the type.
  @usableFromInline var shown: String {
    switch raw.tag {
    case LB_INTEGER: "\(raw.as.integer)"
    case LB_NUMBER: numberText(raw.as.number)
    case LB_STRING: string.map { "'\($0)'" } ?? "string"
    case LB_BOOLEAN: "\(raw.as.boolean)"
    default: typeName
    }
  }

  public var bytes: UnsafeRawBufferPointer? {
    guard raw.tag == LB_STRING, raw.count != UInt32.max else { return nil }
    return UnsafeRawBufferPointer(start: raw.as.bytes, count: Int(raw.count))
  }

  /// The text, where the value is a string of valid UTF-8.
  public var string: String? {
    bytes.flatMap { String(validating: $0, as: UTF8.self) }
  }

  @inlinable public var object: AnyObject? {
    guard raw.tag == LB_OBJECT, let object = raw.as.object else { return nil }
    return Unmanaged<AnyObject>.fromOpaque(object).takeUnretainedValue()
  }

  var function: LuaFunction? {
    guard raw.tag == LB_FUNCTION else { return nil }
    return vm.retain(raw).map { LuaFunction(reference: $0) }
  }

  /// The table's contents, copied out of Lua on first sight.
  ///
  /// - Throws: `LuaMismatch` for a table that nests too deep or is too large.
  public func table() throws(LuaMismatch) -> LuaTableView? {
    switch raw.tag {
    case LB_TREE: return LuaTableView(raw.as.table.pointee, vm: vm)
    case LB_TABLE:
      var raw = raw
      guard let table = lb_read_table(vm.raw, &raw) else { throw .problem(vm.failureMessage) }
      return LuaTableView(table.pointee, vm: vm)
    default: return nil
    }
  }
}

/// The contents of a table that a script passed. Valid only during the call.
public struct LuaTableView {
  let raw: lb_table
  unowned(unsafe) let vm: LuaVM

  init(_ raw: lb_table, vm: LuaVM) {
    self.raw = raw
    self.vm = vm
  }

  /// The length of the table's sequence 1, 2, 3 ...
  public var count: Int { Int(raw.items) }
  /// The number of pairs that are not part of the sequence.
  public var fieldCount: Int { Int(raw.fields) }

  /// The sequence's value at `index`, counted from 0.
  public subscript(index: Int) -> LuaArgument { LuaArgument(raw.item[index], vm: vm) }

  public func key(_ index: Int) -> LuaArgument { LuaArgument(raw.field[2 * index], vm: vm) }
  public func value(_ index: Int) -> LuaArgument { LuaArgument(raw.field[2 * index + 1], vm: vm) }

  /// The field of that name; `nil` where there is none.
  public func field(_ name: String) -> LuaArgument? {
    for index in 0..<fieldCount {
      guard let bytes = key(index).bytes, bytes.count == name.utf8.count else { continue }
      if bytes.elementsEqual(name.utf8) { return value(index) }
    }
    return nil
  }
}

/// A number as an error shows it.
func numberText(_ number: Double) -> String {
  if number.isNaN { return "nan" }
  if number.isInfinite { return number < 0 ? "-inf" : "inf" }
  return "\(number)"
}
