import Tensors

extension Module {
  /// Arguments as they read in Lua: `(8, 16, 3, {stride = 2})`; an option that is nil has its default.
  static func arguments(_ required: [String], options: [(name: String, value: String?)] = []) -> String {
    let given = options.compactMap { name, value in value.map { "\(name) = \($0)" } }
    let all = required + (given.isEmpty ? [] : ["{" + given.joined(separator: ", ") + "}"])
    return "(" + all.joined(separator: ", ") + ")"
  }

  /// nil where a number is its default.
  static func option(_ value: Int, unless standard: Int) -> String? { value == standard ? nil : "\(value)" }

  /// Refuses channels that do not divide into groups.
  static func requireGroups(_ groups: Int, _ inputs: Int, _ outputs: Int, of kind: String) throws {
    for (size, name) in [(inputs, "inputs"), (outputs, "outputs"), (groups, "groups")] {
      try requireSize(size, name, of: kind)
    }
    try require(
      inputs % groups == 0 && outputs % groups == 0, kind,
      "\(inputs) input and \(outputs) output channels do not both divide into \(groups) groups")
  }

  /// Refuses a size a layer cannot have: zero, negative, or so large that sizes would overflow.
  static func requireSize(_ value: Int, _ argument: String, of kind: String) throws {
    try require(value >= 1, kind, "argument '\(argument)' must be a positive integer (got \(value))")
    try require(value <= 1 << 30, kind, "argument '\(argument)' must be at most \(1 << 30) (got \(value))")
  }
}

extension Size2d {
  /// As it reads in Lua.
  var argument: String { height == width ? "\(height)" : "{\(height), \(width)}" }

  /// nil where it is the default.
  func argument(unless standard: Size2d) -> String? { self == standard ? nil : argument }
}

extension Padding2d {
  /// As it reads in Lua; nil where there is none.
  var argument: String? {
    if self == 0 { return nil }
    return symmetric?.argument ?? "{\(top), \(left), \(bottom), \(right)}"
  }
}
