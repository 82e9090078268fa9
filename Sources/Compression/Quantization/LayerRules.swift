import Tensors

/// What a recipe says of some layers in place of its general rule, by name: a node's name (`encoder.0.query`), the
/// path of a module above it (`encoder.0`), or either with `*` for any characters. Of the entries that match a name
/// the one with most characters of its own counts.
public struct LayerRules: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  private let entries: [(pattern: String, scheme: WeightScheme)]

  public init(_ schemes: [String: WeightScheme]) {
    entries = schemes.map { ($0.key, $0.value) }.sorted {
      let (a, b) = (Self.weight($0.pattern), Self.weight($1.pattern))
      return a != b ? a > b : $0.pattern < $1.pattern
    }
  }

  private static func weight(_ pattern: String) -> Int { pattern.utf8.count { $0 != UInt8(ascii: "*") } }

  public init(dictionaryLiteral elements: (String, WeightScheme)...) {
    self.init(Dictionary(elements) { $1 })
  }

  public var schemes: [WeightScheme] { entries.map(\.scheme) }

  public func scheme(for name: String) -> WeightScheme? {
    entries.first { Self.matches(name, $0.pattern) }?.scheme
  }

  /// Refuses an entry that no layer matches.
  func check(against names: [String]) throws {
    for (pattern, _) in entries where !names.contains(where: { Self.matches($0, pattern) }) {
      throw ShapeError(
        "quantize",
        "no layer is called '\(pattern)'; there are \(names.map { "'\($0)'" }.joined(separator: ", "))")
    }
  }

  static func matches(_ name: String, _ pattern: String) -> Bool {
    matches(Array(name.utf8)[...], Array(pattern.utf8)[...])
  }

  /// The pattern ends with the name, or where a part of the name's path does.
  private static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty || name.first == UInt8(ascii: ".") }
    if first == UInt8(ascii: "*") {
      return name.indices.contains { matches(name[$0...], pattern.dropFirst()) }
        || matches(name[name.endIndex...], pattern.dropFirst())
    }
    return name.first == first && matches(name.dropFirst(), pattern.dropFirst())
  }

  public static func == (a: LayerRules, b: LayerRules) -> Bool {
    a.entries.elementsEqual(b.entries, by: ==)
  }

  public func hash(into hasher: inout Hasher) {
    for entry in entries {
      hasher.combine(entry.pattern)
      hasher.combine(entry.scheme)
    }
  }
}
