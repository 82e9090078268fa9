import CLuaBridge

/// One parameter of a bound function: the name, type and documentation that scripts see, and how to read it.
public final class Param<Value> {
  var info: ParameterInfo
  /// Taken where the script gives nothing or nil.
  let fallback: Value?
  let decode: (LuaArgument) throws(LuaMismatch) -> Value?
  let rule: Rule<Value>?
  /// Reads all the arguments from this parameter's position on.
  private var decodeRest: ((Call, ParameterInfo) throws -> Value)?

  /// A parameter with a decoder of its own; most are made by `.required`, `.optional`, `.option` and `.rest`.
  public init(
    _ info: ParameterInfo, fallback: Value? = nil, rule: Rule<Value>? = nil,
    decode: @escaping (LuaArgument) throws(LuaMismatch) -> Value?
  ) {
    self.info = info
    self.fallback = fallback
    self.rule = rule
    self.decode = decode
  }

  /// Reads this parameter's value from a call.
  func value(in call: Call) throws -> Value {
    switch info.role {
    case .receiver, .required, .optional:
      let position = info.position
      if position < call.positional {
        let raw = call.arguments[position]
        if raw.tag != LB_NIL || fallback == nil { return try value(of: LuaArgument(raw, vm: call.vm), in: call) }
      }
      if let fallback { return fallback }
      throw missing(in: call)
    case .option, .requiredOption:
      if let argument = call.option(info.name), argument.kind != .nil { return try value(of: argument, in: call) }
      if let fallback { return fallback }
      throw missing(in: call)
    case .rest:
      guard let decodeRest else { throw missing(in: call) }
      return try decodeRest(call, info)
    }
  }

  private func value(of argument: LuaArgument, in call: Call) throws -> Value {
    do throws(LuaMismatch) {
      if let value = try decode(argument) {
        if let rule, !rule.holds(value) { throw .rule(rule.text, got: argument.shown) }
        return value
      }
    } catch {
      throw call.signature.error(error, in: info)
    }
    throw call.signature.wrongType(info, got: argument)
  }

  private func missing(in call: Call) -> LuaError {
    call.signature.missing(info, hasValue: info.position < call.count)
  }
}

extension Param where Value: LuaDecodable {
  /// A positional argument that must be given; of an optional type, it may be nil.
  public static func required(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param {
    Param(.init(name, Value.self, doc, .required), rule: rule, decode: Value.decode)
  }

  /// A positional argument that may be left out.
  public static func optional(
    _ name: String, default fallback: Value, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param {
    Param(.init(name, Value.self, doc, .optional, default: fallback), fallback: fallback, rule: rule, decode: Value.decode)
  }

  /// A positional argument that may be left out, and is nil then.
  public static func optional<Wrapped>(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param where Value == Wrapped? {
    Param(.init(name, Value.self, doc, .optional), fallback: .some(nil), rule: rule, decode: Value.decode)
  }

  /// A named entry of the table that is the last argument.
  public static func option(
    _ name: String, default fallback: Value, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param {
    Param(.init(name, Value.self, doc, .option, default: fallback), fallback: fallback, rule: rule, decode: Value.decode)
  }

  /// A named entry of the table that is the last argument; nil where it is left out.
  public static func option<Wrapped>(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param where Value == Wrapped? {
    Param(.init(name, Value.self, doc, .option), fallback: .some(nil), rule: rule, decode: Value.decode)
  }

  /// A named entry that the table of options must have.
  public static func requiredOption(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value>? = nil
  ) -> Param {
    Param(.init(name, Value.self, doc, .requiredOption), rule: rule, decode: Value.decode)
  }

  /// All the arguments after the positional ones, each of the same type.
  public static func rest<Element: LuaDecodable>(
    _ name: String, _ type: Element.Type, _ doc: String = ""
  ) -> Param where Value == [Element] {
    let param = Param(.init(name, Element.self, doc, .rest), decode: Value.decode)
    param.decodeRest = { call, info in
      guard info.position < call.count else { return [] }
      return try (info.position..<call.count).map { position in
        let argument = LuaArgument(call.arguments[position], vm: call.vm)
        do throws(LuaMismatch) {
          if let element = try Element.decode(argument) { return element }
        } catch {
          throw call.signature.error(error, in: info.at(position))
        }
        throw call.signature.wrongType(info.at(position), got: argument)
      }
    }
    return param
  }

  /// The object that a method is called on.
  public static func receiver(_ type: Value.Type) -> Param {
    Param(.init("self", Value.self, "", .receiver), decode: Value.decode)
  }
}
