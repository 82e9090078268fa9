import CLuaBridge

/// One parameter of a bound function: the name, type and documentation that scripts see, and how to read it.
public final class Param<Value> {
  @usableFromInline let info: ParameterInfo
  /// Taken where the script gives nothing or nil.
  @usableFromInline let fallback: Value?
  @usableFromInline let decode: (LuaArgument) throws(LuaMismatch) -> Value?
  @usableFromInline let rule: Rule<Value>
  /// Reads all the arguments from this parameter's position on.
  private var decodeRest: ((Call, ParameterInfo) throws -> Value)?

  /// A parameter with a decoder of its own; most are made by `.required`, `.optional`, `.option` and `.rest`.
  @inlinable
  public init(
    _ info: ParameterInfo, fallback: Value? = nil, rule: Rule<Value> = .any,
    decode: @escaping (LuaArgument) throws(LuaMismatch) -> Value?
  ) {
    self.info = info
    self.fallback = fallback
    self.rule = rule
    self.decode = decode
  }

  /// This parameter as it stands in a function; one parameter may be part of several.
  @usableFromInline
  func placed(in signature: Signature, _ place: inout Int) -> Param {
    defer { place += 1 }
    let param = Param(signature.parameters[place], fallback: fallback, rule: rule, decode: decode)
    param.decodeRest = decodeRest
    return param
  }

  /// Reads this parameter's value from a call.
  @inlinable
  func value(in call: Call) throws -> Value {
    if info.isPositional, info.position < call.positional {
      let argument = LuaArgument(call.arguments[info.position], vm: call.vm)
      if !argument.isNil || fallback == nil { return try value(of: argument, in: call) }
    } else if let fallback, call.options == nil {
      return fallback
    }
    return try unusualValue(in: call)
  }

  @inlinable
  func value(of argument: LuaArgument, in call: Call) throws -> Value {
    do throws(LuaMismatch) {
      if let value = try decode(argument) {
        guard let holds = rule.holds else { return value }
        if holds(value) { return value }
        throw .rule(rule.text, got: argument.shown)
      }
    } catch {
      throw call.signature.error(error, in: info)
    }
    throw call.signature.wrongType(info, got: argument)
  }

  /// An option, the rest, or nothing at all.
  @usableFromInline
  func unusualValue(in call: Call) throws -> Value {
    if info.role == .rest, let decodeRest { return try decodeRest(call, info) }
    if info.isOption, let argument = call.option(info.name), !argument.isNil {
      return try value(of: argument, in: call)
    }
    if let fallback { return fallback }
    throw call.signature.missing(info, hasValue: info.position < call.count)
  }
}

extension Param where Value: LuaDecodable {
  /// A positional argument that must be given; of an optional type, it may be nil.
  @inlinable
  public static func required(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param {
    Param(.init(name, Value.self, doc, .required), rule: rule, decode: Value.decode)
  }

  /// A positional argument that may be left out.
  @inlinable
  public static func optional(
    _ name: String, default fallback: Value, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param {
    Param(
      .init(name, Value.self, doc, .optional, default: fallback), fallback: fallback, rule: rule,
      decode: Value.decode)
  }

  /// A positional argument that may be left out, and is nil then.
  @inlinable
  public static func optional<Wrapped>(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param where Value == Wrapped? {
    Param(.init(name, Value.self, doc, .optional), fallback: .some(nil), rule: rule, decode: Value.decode)
  }

  /// A named entry of the table that is the last argument.
  @inlinable
  public static func option(
    _ name: String, default fallback: Value, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param {
    Param(
      .init(name, Value.self, doc, .option, default: fallback), fallback: fallback, rule: rule,
      decode: Value.decode)
  }

  /// A named entry of the table that is the last argument; nil where it is left out.
  @inlinable
  public static func option<Wrapped>(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param where Value == Wrapped? {
    Param(.init(name, Value.self, doc, .option), fallback: .some(nil), rule: rule, decode: Value.decode)
  }

  /// A named entry that the table of options must have.
  @inlinable
  public static func requiredOption(
    _ name: String, _ type: Value.Type, _ doc: String = "", _ rule: Rule<Value> = .any
  ) -> Param {
    Param(.init(name, Value.self, doc, .requiredOption), rule: rule, decode: Value.decode)
  }

  /// All the arguments after the positional ones, each of the same type.
  public static func rest<Element: LuaDecodable>(
    _ name: String, _ type: Element.Type, _ doc: String = ""
  ) -> Param where Value == [Element] {
    let param = Param(.init(name, Element.self, doc, .rest), decode: Value.decode)
    param.decodeRest = { call, info in
      guard info.position < call.positional else { return [] }
      return try (info.position..<call.positional).map { position in
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
  @inlinable
  public static func receiver(_ type: Value.Type) -> Param {
    Param(.init("self", Value.self, "", .receiver), decode: Value.decode)
  }
}
