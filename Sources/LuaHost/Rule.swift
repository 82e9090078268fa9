/// What a parameter asks of its value beyond the type. An error says `must` and then the rule's text.
public struct Rule<Value> {
  @usableFromInline let text: String
  @usableFromInline let holds: ((Value) -> Bool)?

  /// Asks for nothing.
  public static var any: Rule { Rule() }

  private init() {
    text = ""
    holds = nil
  }

  /// - Parameter text: completes "must ...", as in "be a positive integer".
  public init(_ text: String, _ holds: @escaping (Value) -> Bool) {
    self.text = text
    self.holds = holds
  }
}

extension Rule where Value: LuaDecodable & Comparable & ExpressibleByIntegerLiteral {
  public static var positive: Rule { Rule("be a positive \(Value.luaName)") { $0 > 0 } }
  public static var notNegative: Rule { Rule("be a \(Value.luaName), 0 or more") { $0 >= 0 } }
  public static func atLeast(_ bound: Value) -> Rule { Rule("be at least \(bound)") { $0 >= bound } }
  public static func within(_ range: ClosedRange<Value>) -> Rule {
    Rule("be between \(range.lowerBound) and \(range.upperBound)") { range.contains($0) }
  }
}

extension Rule where Value == String {
  public static func oneOf(_ names: [String]) -> Rule {
    Rule("be one of \(quotedList(names))", names.contains)
  }
}

extension Rule where Value == String? {
  public static func oneOf(_ names: [String]) -> Rule {
    Rule("be one of \(quotedList(names))") { $0.map(names.contains) ?? true }
  }
}

extension Rule where Value == Int? {
  public static var positive: Rule { Rule("be a positive integer") { $0.map { $0 > 0 } ?? true } }
  public static var notNegative: Rule { Rule("be an integer, 0 or more") { $0.map { $0 >= 0 } ?? true } }
}

extension Rule where Value == Double? {
  public static var positive: Rule { Rule("be a positive number") { $0.map { $0 > 0 } ?? true } }
  public static var notNegative: Rule { Rule("be a number, 0 or more") { $0.map { $0 >= 0 } ?? true } }
}
