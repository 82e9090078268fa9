import Foundation

/// One line of a list of runs.
public struct RunSummary: Codable, Equatable, Sendable {
  public var id: String
  public var name: String
  /// Of the folder, within that of all runs.
  public var folder: String
  public var state: RunState
  /// Why it failed, or why its record cannot be read.
  public var error: String?
  public var script: String?
  public var started: Timestamp
  /// So far, for a running one.
  public var seconds: Double
  public var metrics: [MetricSummary]
}

/// Which runs to list; what is nil does not matter.
public struct RunFilter: Sendable {
  public var state: RunState?
  /// Any part of the run's name, in any case.
  public var name: String?
  public var limit: Int?

  public init(state: RunState? = nil, name: String? = nil, limit: Int? = nil) {
    self.state = state
    self.name = name
    self.limit = limit
  }
}

extension RunSummary {
  /// Reads the files of a run; nil where the folder is not that of a run, or has just gone.
  ///
  /// A damaged run is not passed over in silence: it is listed by what its folder's name tells.
  init?(reading folder: String, in root: String) {
    guard let parts = RunFolder.parse(folder) else { return nil }
    let files = RunFolder(path: "\(root)/\(folder)")
    do {
      let run = try StoredRun(files)
      self.init(
        id: run.record.id, name: run.record.name, folder: folder, state: run.record.state,
        error: run.record.error, script: run.record.script, started: run.record.started, seconds: run.seconds,
        metrics: MetricSummary.summaries(of: try run.metrics()))
    } catch {
      guard isFolder(files.path) else { return nil }
      self.init(
        id: parts.id, name: parts.name, folder: folder, state: .crashed, error: "\(error)", script: nil,
        started: parts.started, seconds: 0, metrics: [])
    }
  }
}
