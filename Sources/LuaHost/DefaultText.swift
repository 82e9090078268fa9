/// A default value as scripts would write it.
func luaText<Value>(_ value: Value) -> String {
  switch value {
  case let text as String: "\"\(text)\""
  case let name as any RawRepresentable<String>: "\"\(name.rawValue)\""
  case let list as [Any]: "{" + list.map { luaText($0) }.joined(separator: ", ") + "}"
  case let number as Double: number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
  case let value as LuaValue: luaText(value)
  case let choice as any AnyChoice: luaText(choice.chosen)
  default: unwrapped(value)
  }
}

private func luaText(_ value: LuaValue) -> String {
  switch value {
  case .bool(let value): "\(value)"
  case .int(let value): "\(value)"
  case .number(let value): luaText(value)
  case .string(let text): text.hasPrefix("{") ? text : "\"\(text)\""
  default: value.typeName
  }
}

private func unwrapped<Value>(_ value: Value) -> String {
  let mirror = Mirror(reflecting: value)
  guard mirror.displayStyle == .optional else { return "\(value)" }
  return mirror.children.first.map { luaText($0.value) } ?? "nil"
}

private protocol AnyChoice { var chosen: Any { get } }

extension OneOf: AnyChoice {
  fileprivate var chosen: Any {
    switch self {
    case .first(let value): value
    case .second(let value): value
    }
  }
}
