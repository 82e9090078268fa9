/// How the names in a file fit a module.
public struct LoadReport: Sendable, CustomStringConvertible {
  public struct Misfit: Sendable {
    public let name: String
    /// What the file has, and what the module expects.
    public let problem: String
  }

  /// How many parameters and buffers were loaded.
  public var loaded = 0
  /// Parameters of the module that the file lacks.
  public var missing: [String] = []
  /// Tensors of the file that the module has no parameter for.
  public var unexpected: [String] = []
  /// Names both have, with other shapes.
  public var misshaped: [Misfit] = []

  public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && misshaped.isEmpty }

  public var description: String {
    let parts = [
      ("missing", missing.map { "'\($0)'" }), ("unexpected", unexpected.map { "'\($0)'" }),
      ("of another shape", misshaped.map { "'\($0.name)' \($0.problem)" }),
    ]
    return parts.filter { !$0.1.isEmpty }.map { "\($0.0): \(Self.list($0.1))" }.joined(separator: "; ")
  }

  /// What the names of the file have in front of those that are missing: `model.` where `model.fc.weight` should be
  /// `fc.weight`. nil where that would not explain a single name.
  var extraPrefix: String? {
    let unexpected = Set(unexpected)
    for name in missing {
      for found in unexpected where found.hasSuffix("." + name) {
        let prefix = String(found.dropLast(name.count))
        if missing.allSatisfy({ unexpected.contains(prefix + $0) }) { return prefix }
      }
    }
    return nil
  }

  private static func list(_ items: [String]) -> String {
    let shown = 20
    let rest = items.count > shown ? " and \(items.count - shown) more" : ""
    return items.prefix(shown).joined(separator: ", ") + rest
  }
}
