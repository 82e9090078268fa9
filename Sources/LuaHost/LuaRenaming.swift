/// How a script wants names changed: a function from name to name, or a table of Lua patterns and what each becomes.
public struct LuaRenaming: LuaDecodable {
  private let function: LuaFunction
  /// Pattern, replacement, pattern, replacement ..., the patterns in alphabetical order; nil for a script's function.
  private let replacements: [String]?

  public static var luaName: String { "table<string, string>|function" }
  public static var acceptsTable: Bool { true }

  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> LuaRenaming? {
    if let function = argument.function { return LuaRenaming(function: function, replacements: nil) }
    guard let table = try [String: String].decode(argument) else { return nil }
    let pairs = table.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    return LuaRenaming(function: argument.vm.tools.rewrite, replacements: pairs)
  }

  /// The new name; nil where the function answers nil or false, which leaves the thing out.
  public func callAsFunction(_ name: String) throws -> String? {
    let answer = try replacements.map { try function.call(name, $0) } ?? function.call(name)
    switch answer.first {
    case .string(let name): return name
    case .nil?, .bool(false)?, nil: return nil
    case .some(let value):
      throw LuaError("rename: the function must return a name or nil (got a \(value.typeName) for '\(name)')")
    }
  }
}
