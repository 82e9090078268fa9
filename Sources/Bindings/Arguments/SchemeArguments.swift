import Compression
import LuaHost

extension WeightScheme: LuaDecodable {
  public static var luaName: String { "table" }
  public static var acceptsTable: Bool { true }

  /// `{bits = 4, granularity = "group", group = 32, symmetric = false, power_of_two = true}`, `{levels = "ternary"}`; what
  /// is left out is as for int8.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> WeightScheme? {
    guard let fields = try SchemeFields(argument) else { return nil }
    try fields.allow("bits", "levels", "granularity", "group", "symmetric", "power_of_two")
    let bits = try fields.integer("bits")
    let levels: Levels
    switch try fields.string("levels", ["integer", "ternary", "binary"]) {
    case "ternary": levels = .ternary
    case "binary": levels = .binary
    default: levels = .integer(bits: bits ?? 8)
    }
    if bits != nil, levels == .ternary || levels == .binary {
      throw .problem("has both bits and levels; leave bits out")
    }
    let group = try fields.integer("group")
    let granularity: Granularity
    switch try fields.string("granularity", ["tensor", "channel", "group"]) {
    case "tensor": granularity = .tensor
    case "channel": granularity = .channel
    case "group": granularity = .group(group ?? 32)
    default: granularity = group.map(Granularity.group) ?? .channel
    }
    if group != nil, !granularity.isGroup {
      throw .problem("has a group, but its granularity is not \"group\"")
    }
    return WeightScheme(
      levels, granularity, isSymmetric: try fields.boolean("symmetric") ?? true,
      powerOfTwo: try fields.boolean("power_of_two") ?? false)
  }
}

extension WeightScheme.Granularity {
  fileprivate var isGroup: Bool { if case .group = self { true } else { false } }
}

extension ActivationScheme: LuaDecodable {
  public static var luaName: String { "table" }
  public static var acceptsTable: Bool { true }

  /// `{bits = 4, power_of_two = true}`; what is left out is as for int8.
  public static func decode(_ argument: LuaArgument) throws(LuaMismatch) -> ActivationScheme? {
    guard let fields = try SchemeFields(argument) else { return nil }
    try fields.allow("bits", "power_of_two")
    return ActivationScheme(
      bits: try fields.integer("bits") ?? 8, powerOfTwo: try fields.boolean("power_of_two") ?? false)
  }
}

/// The fields of a table of settings.
private struct SchemeFields {
  private let values: [String: LuaValue]

  init?(_ argument: LuaArgument) throws(LuaMismatch) {
    // An empty table is a list as well.
    guard let table = try LuaTable.decode(argument) else { return nil }
    guard table.items.isEmpty else { throw .rule("be a table with names as keys", got: "a list") }
    var values: [String: LuaValue] = [:]
    for (key, value) in table.fields {
      guard case .string(let name) = key else {
        throw .rule("be a table with names as keys", got: "a key that is a \(key.typeName)")
      }
      values[name] = value
    }
    self.values = values
  }

  func allow(_ names: String...) throws(LuaMismatch) {
    for name in values.keys.sorted() where !names.contains(name) {
      throw .problem("has no '\(name)' (there are \(names.joined(separator: ", ")))")
    }
  }

  func integer(_ name: String) throws(LuaMismatch) -> Int? {
    switch values[name] {
    case nil, .nil?: return nil
    case .int(let value)?: return value
    case .number(let value)?:
      if let whole = Int(exactly: value) { return whole }
      throw .problem("\(name) must be an integer (got \(value))")
    case let other?: throw .problem("\(name) must be an integer (got a \(other.typeName))")
    }
  }

  func boolean(_ name: String) throws(LuaMismatch) -> Bool? {
    switch values[name] {
    case nil, .nil?: return nil
    case .bool(let value)?: return value
    case let other?: throw .problem("\(name) must be true or false (got a \(other.typeName))")
    }
  }

  func string(_ name: String, _ choices: [String]) throws(LuaMismatch) -> String? {
    switch values[name] {
    case nil, .nil?: return nil
    case .string(let value)?:
      if choices.contains(value) { return value }
      throw .problem("\(name) must be one of '\(choices.joined(separator: "', '"))' (got '\(value)')")
    case let other?: throw .problem("\(name) must be a string (got a \(other.typeName))")
    }
  }
}

/// What a recipe says of a layer that is not quantized.
enum FloatWord: String, CaseIterable, LuaEnum { case float }

/// What a recipe says of some layers, by name.
typealias LayersArgument = [String: OneOf<FloatWord, WeightScheme>]

extension Optional where Wrapped == LayersArgument {
  var rules: LayerRules {
    LayerRules(
      (self ?? [:]).mapValues { choice in
        switch choice {
        case .first: .float
        case .second(let scheme): .weights(scheme)
        }
      })
  }
}

extension Param where Value == LayersArgument? {
  static var layers: Param {
    .option("layers", LayersArgument?.self, "weights of some layers, or \"float\", by name")
  }
}
