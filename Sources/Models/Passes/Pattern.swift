import Tensors

/// A few nodes to look for in a graph, written from the last one back. All passes find what they rewrite with it.
///
/// Add and Mul match their operands in either order; a name that occurs twice stands for one node.
public indirect enum Pattern: Sendable {
  /// Whatever gives a value, under a name.
  case any(String)
  /// A stored tensor, under a name.
  case leaf(String)
  /// A stored tensor of one element, which the condition accepts.
  case number(@Sendable (Double) -> Bool)
  /// A node under a name, whose op the condition accepts and whose inputs look like these.
  case node(String, @Sendable (any Op) -> Bool, [Pattern])
  /// The first of several forms that fits.
  case either([Pattern])

  public static func op<T: Op>(
    _: T.Type, _ inputs: Pattern..., as name: String = "",
    where condition: @escaping @Sendable (T) -> Bool = { _ in true }
  ) -> Pattern {
    .node(name, { op in (op as? T).map(condition) ?? false }, inputs)
  }

  /// The number, as near as fp32 holds it.
  public static func number(_ value: Double) -> Pattern {
    .number { abs($0 - value) <= 1e-5 * max(1, abs(value)) }
  }
}

/// Where a pattern was found: the nodes by the names it gives them.
public struct Match {
  private var nodes: [String: Graph.ID] = [:]

  public subscript(name: String) -> Graph.ID {
    guard let id = nodes[name] else { preconditionFailure("the pattern names no '\(name)'") }
    return id
  }

  public func contains(_ name: String) -> Bool { nodes[name] != nil }

  /// False where the name stands for another node already.
  fileprivate mutating func bind(_ name: String, _ id: Graph.ID) -> Bool {
    if name.isEmpty { return true }
    if let known = nodes[name] { return known == id }
    nodes[name] = id
    return true
  }
}

extension Graph {
  /// The nodes that `pattern` describes, ending in node `id`.
  public func match(_ pattern: Pattern, at id: ID) -> Match? {
    var match = Match()
    return find(pattern, id, &match) ? match : nil
  }

  private func find(_ pattern: Pattern, _ id: ID, _ match: inout Match) -> Bool {
    switch pattern {
    case .any(let name): return match.bind(name, id)
    case .leaf(let name): return leaf(id) != nil && match.bind(name, id)
    case .number(let accepts):
      guard let value = leaf(id)?.value, value.count == 1, let number = try? value.item() else {
        return false
      }
      return accepts(number)
    case .either(let forms):
      for form in forms {
        var attempt = match
        if find(form, id, &attempt) {
          match = attempt
          return true
        }
      }
      return false
    case .node(let name, let accepts, let inputs):
      guard let (op, reads) = operation(id), reads.count == inputs.count, accepts(op), match.bind(name, id)
      else {
        return false
      }
      var attempt = match
      if findAll(inputs, reads, &attempt) {
        match = attempt
        return true
      }
      guard op is Add || op is Mul else { return false }
      return findAll(inputs, reads.reversed(), &match)
    }
  }

  private func findAll(_ patterns: [Pattern], _ ids: [ID], _ match: inout Match) -> Bool {
    for (pattern, id) in zip(patterns, ids) where !find(pattern, id, &match) { return false }
    return true
  }
}
