import CLuaBridge

/// The declaration of a function that is written in Lua: the same signature, errors and manual as a function
/// written in Swift.
struct Declaration {
  let signature: Signature
  let path: String
  private let types: [DeclaredType]

  /// - Throws: `LuaError` for a declaration that is not one.
  init(_ path: String, _ doc: String, _ parameters: [LuaTable], _ options: [LuaTable], returns: String) throws
  {
    let positional = try parameters.map { try Self.parameter($0, isOption: false, of: path) }
    let options = try options.map { try Self.parameter($0, isOption: true, of: path) }
    let name = path.split(separator: ".").last.map(String.init) ?? path
    self.path = path
    signature = Signature(name, doc, positional + options, returns: returns)
    types = try signature.parameters.map { try DeclaredType($0.typeName) }
  }

  private static func parameter(_ table: LuaTable, isOption: Bool, of path: String) throws -> ParameterInfo {
    var texts: [String] = []
    for case .string(let text) in table.items { texts.append(text) }
    guard texts.count == 3 else {
      throw LuaError(
        "declare: a parameter of '\(path)' needs a name and a type: {\"epochs\", \"integer\", \"doc\"}")
    }
    let fallback = table["default"]
    func flag(_ name: String) -> Bool { if case .bool(true)? = table[name] { true } else { false } }
    let role: ParameterInfo.Role =
      isOption
      ? (flag("required") ? .requiredOption : .option)
      : (fallback != nil || flag("optional") ? .optional : .required)
    let type = try DeclaredType(texts[1])
    return ParameterInfo(
      name: texts[0], typeName: texts[1], doc: texts[2], role: role, fallback: fallback.map { $0 as Any },
      acceptsTable: type.acceptsTable)
  }

  /// Checks a call, and answers how many positional arguments stand before the options.
  func check(_ vm: LuaVM, _ arguments: UnsafePointer<lb_value>, _ count: Int) throws -> Int {
    let call = try Call(vm, signature, arguments, count: count)
    for (info, type) in zip(signature.parameters, types) {
      let argument =
        info.isOption
        ? call.option(info.name)
        : info.position < call.positional ? LuaArgument(arguments[info.position], vm: vm) : nil
      guard let argument, !argument.isNil else {
        if info.isNeeded, !type.acceptsNil { throw signature.missing(info, hasValue: argument != nil) }
        continue
      }
      if try !type.accepts(argument) { throw signature.wrongType(info, got: argument) }
    }
    return min(call.positional, signature.positional.count)
  }

  /// The host function that a declared function calls first, with its declaration's number and its arguments.
  static var check: Function {
    Function(Signature("check", "Checks the arguments of a declared function.", [], returns: "integer")) {
      vm, arguments, count, out in
      let number = Int(arguments[0].as.integer)
      out[0] = try vm.declarations[number].check(vm, arguments + 1, count - 1).payload(for: vm).raw
      return 1
    }
  }
}

/// A type as declarations write it: `integer`, `tensor`, `"sum"|"mean"`, `number[]`, `function?`.
struct DeclaredType {
  private enum Form {
    case any
    case named(String)
    case literal(String)
    indirect case list(Form)
  }

  private let forms: [Form]
  let acceptsNil: Bool

  init(_ text: String) throws {
    let body = text.hasSuffix("?") ? String(text.dropLast()) : text
    acceptsNil = text.hasSuffix("?") || body == "any"
    forms = try body.split(separator: "|").map { try Self.form($0) }
    if forms.isEmpty { throw LuaError("declare: '\(text)' is not a type") }
  }

  private static func form(_ text: Substring) throws -> Form {
    if text.hasSuffix("[]") { return .list(try form(text.dropLast(2))) }
    if text.hasPrefix("\""), text.hasSuffix("\""), text.count > 1 {
      return .literal(String(text.dropFirst().dropLast()))
    }
    guard !text.isEmpty else { throw LuaError("declare: empty type") }
    if text.hasPrefix("table") { return .named("table") }
    return text == "any" ? .any : .named(String(text))
  }

  var acceptsTable: Bool {
    forms.contains { form in
      switch form {
      case .any, .list: true
      case .named(let name): name == "table"
      case .literal: false
      }
    }
  }

  func accepts(_ argument: LuaArgument) throws -> Bool {
    for form in forms where try Self.accepts(form, argument) { return true }
    return false
  }

  private static func accepts(_ form: Form, _ argument: LuaArgument) throws -> Bool {
    switch form {
    case .any: return true
    case .named("integer"): return try Int.decode(argument) != nil
    case .named(let name): return argument.typeName == name
    case .literal(let text): return argument.string == text
    case .list(let element):
      guard let table = try argument.table(), table.fieldCount == 0 else { return false }
      for index in 0..<table.count where try !accepts(element, table[index]) { return false }
      return true
    }
  }
}
