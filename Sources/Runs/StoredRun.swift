import Foundation

/// An earlier run, or one that is still going on, as its files tell it.
public struct StoredRun: Sendable {
  /// As written, but for its state: a run that says it is running while its process is gone has crashed.
  public let record: RunRecord
  public let folder: URL
  /// When the last of its files changed.
  public let lastWritten: Timestamp
  private let files: RunFolder

  init(_ files: RunFolder) throws {
    var record: RunRecord
    do {
      record = try JSONDecoder.forRuns().decode(RunRecord.self, from: Data(try readBytes(files.record)))
    } catch is DecodingError {
      throw RunError(
        "runs: \(files.record) is not a run's record, or is damaged; its other files may be whole")
    }
    if record.state == .running && !AppendFile.isLocked(files.metrics) { record.state = .crashed }
    self.record = record
    self.files = files
    folder = URL(filePath: files.path, directoryHint: .isDirectory)
    lastWritten =
      [files.record, files.metrics, files.output].map { FileStamp($0).modified }.max() ?? record.started
  }

  /// How long it took; for a crashed run, until its last sign of life; so far, for a running one.
  public var seconds: Double {
    let end = record.ended ?? (record.state == .running ? .now() : lastWritten)
    return max(0, end.seconds(since: record.started))
  }

  /// Every line of metrics, in the order they were logged.
  public func metrics() throws -> [MetricRecord] { try MetricRecord.read(files.metrics) }

  /// What the script printed; empty where it printed nothing.
  public func output() throws -> String {
    access(files.output, F_OK) == 0 ? try readText(files.output) : ""
  }

  public func artifact(_ name: String) -> URL { URL(filePath: "\(files.artifacts)/\(name)") }
}

/// Tells whether a file has changed.
struct FileStamp {
  let modified: Timestamp
  let text: String

  init(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      (modified, text) = (Timestamp(milliseconds: 0), "-")
      return
    }
    #if os(Linux)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    modified = Timestamp(time)
    text = "\(status.st_size):\(time.tv_sec).\(time.tv_nsec)"
  }
}
