/// What scripts are told about one parameter.
public struct ParameterInfo: Sendable {
  public enum Role: Sendable { case receiver, required, optional, option, requiredOption, rest }

  public let name: String
  public let typeName: String
  public let doc: String
  public let role: Role
  /// The default, kept for its text alone and never changed. Writing hundreds of them out takes a start-up longer
  /// than everything else the declarations ask for.
  private nonisolated(unsafe) let fallback: Any?
  let acceptsTable: Bool
  /// Which argument it is, counted from 0 with the receiver; for options, where their table stands.
  @usableFromInline var position = 0

  public init<Value: LuaDecodable>(
    _ name: String, _ type: Value.Type, _ doc: String, _ role: Role, default value: Value? = nil
  ) {
    self.init(
      name: name, typeName: Value.luaName, doc: doc, role: role, fallback: value.map { $0 as Any },
      acceptsTable: Value.acceptsTable)
  }

  init(name: String, typeName: String, doc: String, role: Role, fallback: Any?, acceptsTable: Bool) {
    self.name = name
    self.typeName = typeName
    self.doc = doc
    self.role = role
    self.fallback = fallback
    self.acceptsTable = acceptsTable
    isPositional = role == .receiver || role == .required || role == .optional
  }

  /// The default as scripts would write it.
  public var defaultText: String? { fallback.map { luaText($0) } }

  @usableFromInline let isPositional: Bool
  var isOption: Bool { role == .option || role == .requiredOption }
  var isNeeded: Bool { role == .receiver || role == .required || role == .requiredOption }

  func at(_ position: Int) -> ParameterInfo {
    var info = self
    info.position = position
    return info
  }
}

/// The declaration of a function as text and rules, whatever language its body is in.
public final class Signature: Sendable {
  public let name: String
  public let doc: String
  public let parameters: [ParameterInfo]
  public let returns: String

  let positional: [ParameterInfo]
  let options: [ParameterInfo]
  let requiredCount: Int
  /// The most arguments among which there is neither a table of options nor one too many.
  @usableFromInline let plainCount: Int
  let hasRest: Bool
  /// Whether too many arguments are an error. Lua itself hands metamethods more than they need.
  let isStrict: Bool

  @usableFromInline
  init(_ name: String, _ doc: String, _ parameters: [ParameterInfo], returns: String) {
    self.name = name
    self.doc = doc
    self.returns = returns
    options = parameters.filter(\.isOption)
    hasRest = parameters.contains { $0.role == .rest }
    isStrict = !hasRest && !name.hasPrefix("__")
    let positional = parameters.filter { !$0.isOption && $0.role != .rest }
    self.positional = positional
    requiredCount = (positional.lastIndex { $0.isNeeded } ?? -1) + 1
    plainCount = options.isEmpty ? positional.count : hasRest ? -1 : requiredCount
    var next = 0
    let count = positional.count
    self.parameters = parameters.map { parameter in
      defer { if !parameter.isOption { next += 1 } }
      return parameter.at(parameter.isOption ? count : next)
    }
  }

  var isMethod: Bool { parameters.first?.role == .receiver }

  /// The number people count to, which leaves out the receiver.
  private func number(_ info: ParameterInfo) -> Int { info.position + (isMethod ? 0 : 1) }

  @usableFromInline
  func error(_ mismatch: LuaMismatch, in info: ParameterInfo) -> LuaError {
    let place = info.isOption ? "option" : "argument"
    switch mismatch {
    case .rule(let rule, let got):
      return LuaError("\(name): \(place) '\(info.name)' must \(rule) (got \(got))")
    case .element(let path, let expected, let got):
      return LuaError("\(name): \(place) '\(info.name)\(path)' must be \(withArticle(expected)), got \(got)")
    case .problem(let text):
      return LuaError("\(name): \(place) '\(info.name)': \(text)")
    }
  }

  @usableFromInline
  func wrongType(_ info: ParameterInfo, got argument: LuaArgument) -> LuaError {
    wrongType(
      info, got: info.typeName == "integer" && argument.kind == .number ? argument.shown : argument.typeName)
  }

  private func wrongType(_ info: ParameterInfo, got: String) -> LuaError {
    switch info.role {
    case .receiver:
      LuaError("calling '\(name)' on bad self (\(info.typeName) expected, got \(got)); call it with a colon")
    case .option, .requiredOption:
      LuaError("\(name): option '\(info.name)' must be \(withArticle(info.typeName)), got \(got)")
    case .required, .optional, .rest:
      LuaError(
        "bad argument #\(number(info)) to '\(name)' (\(info.name): \(info.typeName) expected, got \(got))")
    }
  }

  func missing(_ info: ParameterInfo, hasValue: Bool) -> LuaError {
    info.isOption
      ? LuaError("\(name): missing option '\(info.name)' (\(info.typeName))")
      : wrongType(info, got: hasValue ? "nil" : "no value")
  }

  func tooMany(_ count: Int) -> LuaError {
    let most = positional.count + (options.isEmpty ? 0 : 1) - (isMethod ? 1 : 0)
    let expected = most == 0 ? "takes no arguments" : "takes at most \(most) argument\(most == 1 ? "" : "s")"
    return LuaError("\(name): \(expected), got \(count - (isMethod ? 1 : 0))")
  }

  func unknownOption(_ option: String) -> LuaError {
    let names = options.map(\.name)
    let hint = suggestion(for: option, among: names)
    let known = hint.isEmpty ? " (known: \(names.joined(separator: ", ")))" : hint
    return LuaError("\(name): unknown option '\(option)'\(known)")
  }
}

/// `an integer`, `a tensor`; unions and optionals as they are.
func withArticle(_ typeName: String) -> String {
  guard let first = typeName.first else { return typeName }
  if typeName == "any" || typeName == "nil" || first == "\"" { return typeName.replacing("|", with: " or ") }
  return ("aeiou".contains(first) ? "an " : "a ") + typeName.replacing("|", with: " or ")
}
