import Foundation

// What `qscript runs list` and `qscript runs show` print.

extension RunSummary {
  /// The table of `qscript runs list`.
  public static func table(_ runs: [RunSummary]) -> String {
    guard !runs.isEmpty else { return "no runs" }
    var table = TextTable([
      "id": .left, "started": .left, "name": .left, "state": .left, "time": .right, "last metrics": .left,
    ])
    for run in runs {
      table.add([
        run.id, run.started.local, run.name, run.state.rawValue, duration(run.seconds),
        run.error ?? run.lastMetrics,
      ])
    }
    return table.text
  }

  /// The last values of the last stage, as many as fit beside the rest.
  private var lastMetrics: String {
    let stage = metrics.last?.stage
    return metrics.filter { $0.stage == stage }.prefix(3)
      .map { "\($0.name) \(figures($0.last.value))" }.joined(separator: ", ")
  }
}

extension StoredRun {
  /// The page of `qscript runs show`: settings, stages, metrics, artifacts.
  public func report() throws -> String {
    try [heading, parameters, stages, metricTable(), artifacts].filter { !$0.isEmpty }.joined(
      separator: "\n\n")
  }

  private var heading: String {
    let machine = record.machine
    let lines: [(String, String?)] = [
      ("run", "\(record.id) \(record.name)"),
      ("state", [record.state.rawValue, record.error].compactMap { $0 }.joined(separator: ": ")),
      ("started", "\(record.started.local), took \(duration(seconds))"),
      ("script", record.script.map { ([$0] + record.arguments).joined(separator: " ") }),
      ("revision", record.revision?.description),
      ("seed", "\(record.seed)"),
      (
        "machine",
        "\(machine.cpu), \(machine.cores) cores, \(machine.instructionSet), \(record.threads) thread\(record.threads == 1 ? "" : "s")"
      ),
      ("system", machine.system),
      ("versions", versions),
      ("folder", folder.path(percentEncoded: false)),
    ]
    return lines.compactMap { name, value in
      value.map { name + String(repeating: " ", count: 10 - name.count) + $0 }
    }.joined(separator: "\n")
  }

  private var versions: String? {
    record.versions.isEmpty
      ? nil
      : record.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  private var parameters: String {
    guard !record.parameters.isEmpty else { return "" }
    var table = TextTable(["parameter": .left, "value": .left])
    for (name, value) in record.parameters.sorted(by: { $0.key < $1.key }) { table.add([name, "\(value)"]) }
    return table.text
  }

  private var stages: String {
    guard !record.stages.isEmpty else { return "" }
    var table = TextTable(["stage": .left, "state": .left, "time": .right])
    for stage in record.stages {
      let isDead = stage.state == .running && record.state == .crashed
      table.add([
        stage.name, isDead ? RunState.crashed.rawValue : stage.state.rawValue,
        stage.seconds.map(duration) ?? "",
      ])
    }
    return table.text
  }

  private func metricTable() throws -> String {
    let summaries = MetricSummary.summaries(of: try metrics())
    guard !summaries.isEmpty else { return "" }
    var table = TextTable([
      "stage": .left, "metric": .left, "points": .right, "last": .right, "lowest": .right, "highest": .right,
    ])
    for summary in summaries {
      table.add([
        summary.stage ?? "", summary.name, "\(summary.count)", figures(summary.last.value),
        Self.text(summary.lowest), Self.text(summary.highest),
      ])
    }
    return table.text
  }

  private static func text(_ point: MetricSummary.Point?) -> String {
    guard let point else { return "" }
    return figures(point.value) + (point.step.map { " @ \($0)" } ?? "")
  }

  private var artifacts: String {
    guard !record.artifacts.isEmpty else { return "" }
    var table = TextTable(["artifact": .left, "bytes": .right, "sha256": .left])
    for artifact in record.artifacts {
      table.add([artifact.name, "\(artifact.bytes)", String(artifact.sha256.prefix(16))])
    }
    return table.text
  }
}

extension Revision: CustomStringConvertible {
  public var description: String {
    [
      String(commit.prefix(12)), branch.map { "on \($0)" }, dirty == true ? "with uncommitted changes" : nil,
    ].compactMap { $0 }.joined(separator: " ")
  }
}

/// `0.04 s`, `24.1 s`, `3 min 20 s`, `2 h 05 min`.
func duration(_ seconds: Double) -> String {
  switch seconds {
  case ..<10: return String(format: "%.2f s", seconds)
  case ..<99.95: return String(format: "%.1f s", seconds)
  case ..<3600: return String(format: "%d min %02d s", Int(seconds) / 60, Int(seconds) % 60)
  default:
    return String(format: "%d h %02d min", Int(min(seconds, 1e15)) / 3600, Int(min(seconds, 1e15)) / 60 % 60)
  }
}

/// A number to four significant figures.
func figures(_ value: Double) -> String { String(format: "%.4g", value) }
