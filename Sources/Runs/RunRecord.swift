/// The content of `run.json`: everything known of one execution of a script but its metrics and its output.
public struct RunRecord: Codable, Equatable, Sendable {
  /// Of this layout of the record; raised when an older program could no longer read it.
  public var format = 1
  /// Eight hexadecimal digits, drawn at random.
  public var id: String
  public var name: String
  /// Path as given; nil where the code came from elsewhere.
  public var script: String?
  public var arguments: [String]
  public var parameters: [String: JSONValue] = [:]
  public var seed: UInt64
  public var threads: Int
  public var machine: Machine
  /// Of the parts a result may depend on, such as `qscript`, `swift`, `oneDNN`.
  public var versions: [String: String]
  /// Of the script's folder; nil where it is under no version control.
  public var revision: Revision?
  public var process: Int32
  public var state: RunState = .running
  /// Why the run failed.
  public var error: String?
  public var started: Timestamp
  public var ended: Timestamp?
  public var stages: [Stage] = []
  public var artifacts: [Artifact] = []
}

public enum RunState: String, Codable, Sendable, CaseIterable {
  case running, finished, failed, interrupted
  /// Found, never written: the record says `running`, but the process is gone.
  case crashed
}

/// A named part of a run, such as `teacher`; a stage within another is named `teacher/warmup`.
public struct Stage: Codable, Equatable, Sendable {
  public enum State: String, Codable, Sendable {
    case running, finished, failed, interrupted
    /// Its result came from an earlier run.
    case cached
  }

  public var name: String
  public var started: Timestamp
  /// nil while it is running.
  public var seconds: Double?
  public var state: State = .running
}

/// A file the run left in its folder `artifacts/`.
public struct Artifact: Codable, Equatable, Sendable {
  public var name: String
  public var bytes: Int64
  /// SHA-256 of the content, as 64 hexadecimal digits.
  public var sha256: String
}
