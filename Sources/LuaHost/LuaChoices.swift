/// An enumeration that scripts spell as a string.
public protocol LuaEnum: LuaDecodable, LuaEncodable, RawRepresentable, CaseIterable where RawValue == String {
}

extension LuaEnum {
  public static var luaName: String { allCases.map { "\"\($0.rawValue)\"" }.joined(separator: "|") }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> Self? {
    let names = allCases.map(\.rawValue)
    guard let name = argument.string else {
      throw .rule("be one of \(quotedList(names))", got: argument.typeName)
    }
    guard let value = Self(rawValue: name) else {
      throw .rule("be one of \(quotedList(names))", got: "'\(name)'" + suggestion(for: name, among: names))
    }
    return value
  }

  public func payload(for vm: LuaVM) throws -> LuaPayload { try rawValue.payload(for: vm) }
}

/// A value of either type; the first that fits is taken.
public enum OneOf<First: LuaDecodable, Second: LuaDecodable> {
  case first(First)
  case second(Second)
}

extension OneOf: Sendable where First: Sendable, Second: Sendable {}

extension OneOf: LuaDecodable {
  public static var luaName: String { "\(First.luaName)|\(Second.luaName)" }
  public static var acceptsTable: Bool { First.acceptsTable || Second.acceptsTable }

  @inlinable
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> OneOf? {
    let complaint: LuaMismatch
    do {
      if let value = try First.decode(argument) { return .first(value) }
      return try Second.decode(argument).map(OneOf.second)
    } catch {
      complaint = error
    }
    if let value = try Second.decode(argument) { return .second(value) }
    throw complaint
  }
}

/// `'a', 'b' or 'c'`.
func quotedList(_ names: [String]) -> String {
  let quoted = names.map { "'\($0)'" }
  guard quoted.count > 1, let last = quoted.last else { return quoted.joined() }
  return quoted.dropLast().joined(separator: ", ") + " or " + last
}
