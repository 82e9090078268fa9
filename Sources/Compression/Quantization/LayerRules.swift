import Models
import Tensors

/// What a recipe says of some layers in place of its general rule, by name: a node's name (`encoder.0.query`), the
/// path of a module above it (`encoder.0`), or either with `*` for any characters. Of the entries that match a name
/// the one with most characters of its own counts.
public struct LayerRules: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  public enum Choice: Hashable, Sendable {
    case weights(WeightScheme)
    /// It is not quantized.
    case float
  }

  private struct Entry: Hashable, Sendable {
    let pattern: String
    let choice: Choice
    var weight: Int { pattern.utf8.count { $0 != UInt8(ascii: "*") } }
  }

  private let entries: [Entry]

  public init(_ choices: [String: Choice]) {
    entries = choices.map { Entry(pattern: $0.key, choice: $0.value) }.sorted {
      $0.weight != $1.weight ? $0.weight > $1.weight : $0.pattern < $1.pattern
    }
  }

  public init(dictionaryLiteral elements: (String, Choice)...) {
    self.init(Dictionary(elements) { $1 })
  }

  public var schemes: [WeightScheme] { entries.compactMap { $0.choice.scheme } }

  public func scheme(for name: String) -> WeightScheme? { choice(for: name)?.scheme }

  public func isFloat(_ name: String) -> Bool { choice(for: name) == .float }

  public func choice(for name: String) -> Choice? {
    entries.first { Self.matches(name, $0.pattern) }?.choice
  }

  /// Refuses an entry that no op of a graph matches, and a scheme for ops without weights that could have one.
  ///
  /// - Parameter weighted: the ops whose weights have a scheme.
  func check(in graph: Graph, weighted: [Graph.ID]) throws {
    let all = graph.order.filter { graph.operation($0) != nil }.map { graph[$0].name }
    let weighted = weighted.map { graph[$0].name }
    for entry in entries {
      let names = entry.choice == .float ? all : weighted
      guard !names.contains(where: { Self.matches($0, entry.pattern) }) else { continue }
      let exists = all.contains { Self.matches($0, entry.pattern) }
      throw ShapeError(
        "quantize",
        (exists
          ? "'\(entry.pattern)' has no weights that could have bits of their own"
          : "no layer is called '\(entry.pattern)'")
          + "; there are \(names.map { "'\($0)'" }.joined(separator: ", "))")
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
}

extension LayerRules.Choice {
  fileprivate var scheme: WeightScheme? { if case .weights(let scheme) = self { scheme } else { nil } }
}

/// What becomes of a node that has no integer form.
public enum Unsupported: String, CaseIterable, Sendable {
  /// The whole graph is refused, naming the node.
  case refuse
  /// It computes in f32, with conversions about it.
  case float
}
