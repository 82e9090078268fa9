import Tensors

/// A rewrite of a graph. Either it keeps the function the graph computes, or its doc says what it changes.
/// It replaces leaves and never writes through them: the model they came from still owns the old tensors.
public struct Pass: Sendable {
  public let name: String
  private let rewrite: @Sendable (Graph, inout PassReport) throws -> Void

  public init(_ name: String, _ rewrite: @escaping @Sendable (Graph, inout PassReport) throws -> Void) {
    self.name = name
    self.rewrite = rewrite
  }

  /// Brings the forms in which exporters and free code write models back to the ops they stand for.
  public static let simplifying: [Pass] = [
    .foldConstants, .cancelMoves, .mergeCommon, .recognizeLinear, .recognizeGelu, .recognizeLayerNorm,
    .recognizeAttention,
  ]

  func run(on graph: Graph) throws -> PassReport {
    var report = PassReport(pass: name)
    try rewrite(graph, &report)
    return report
  }
}

/// What a pass did, by node name.
public struct PassReport: Sendable, CustomStringConvertible {
  public let pass: String
  public var matched: [String] = []
  /// What looked like a match and was left alone, with the reason and the remedy.
  public var refused: [(node: String, reason: String)] = []
  /// What was done and may not be what was wanted: a sentence each, with the remedy.
  public var warnings: [String] = []

  init(pass: String) { self.pass = pass }

  public var description: String {
    let lines = refused.map { "\n  left '\($0.node)': \($0.reason)" } + warnings.map { "\n  warning: \($0)" }
    return "\(pass): \(matched.isEmpty ? "nothing to do" : matched.joined(separator: ", "))\(lines.joined())"
  }
}

extension Graph {
  /// Runs the pass, sweeps, verifies every shape, logs. On an error the graph is as it was.
  @discardableResult
  public func apply(_ pass: Pass) throws -> PassReport {
    let work = copy()
    let report = try pass.run(on: work)
    work.sweep()
    try work.verify(after: pass.name)
    adopt(work)
    log.append(report)
    return report
  }
}
