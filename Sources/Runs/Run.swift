import Foundation
import Synchronization

/// One execution of a script, while it happens. Made by `RunStore.begin`; any thread may use it.
///
/// What it is told is in its folder when the call returns, so a killed process loses nothing. The record
/// `run.json` is replaced as a whole; `metrics.jsonl` and `stdout.log` are appended to. Metrics reach the
/// disk itself every few seconds and at the end of each stage.
public final class Run: Sendable {
  public let id: String
  public let folder: URL
  let files: RunFolder
  private let live: Mutex<Live>
  private let git: GitQuestion?

  /// What changes as the run goes on, guarded by one lock.
  fileprivate struct Live {
    var record: RunRecord
    let metrics: AppendFile
    var output: AppendFile?
    let encoder = JSONEncoder.forRuns(pretty: false)
    /// Places in `record.stages`, the innermost last.
    var openStages: [Int] = []
    var syncedAt: Timestamp
  }

  private static let secondsBetweenSyncs = 5.0

  init(record: RunRecord, files: RunFolder, metrics: sending AppendFile, git: GitQuestion?) {
    id = record.id
    folder = URL(filePath: files.path, directoryHint: .isDirectory)
    self.files = files
    self.git = git
    live = Mutex(Live(record: record, metrics: metrics, syncedAt: record.started))
  }

  /// The record as it stands.
  public var record: RunRecord { live.withLock { $0.record } }

  /// Adds settings the script wants to see again, such as its learning rate; later ones replace earlier ones.
  public func setParameters(_ parameters: [String: JSONValue]) throws {
    try change { $0.record.parameters.merge(parameters) { $1 } }
  }

  /// Appends one line of metrics; `stage` is the innermost running one unless it is named.
  public func log(_ values: [String: Double], step: Int? = nil, stage: String? = nil) throws {
    try live.withLock { live in
      let now = Timestamp.now()
      let line = MetricRecord(
        step: step, stage: stage ?? live.openStages.last.map { live.record.stages[$0].name },
        seconds: now.seconds(since: live.record.started), values: values)
      try live.metrics.append(try live.encoder.encode(line) + [UInt8(ascii: "\n")])
      if now.seconds(since: live.syncedAt) >= Self.secondsBetweenSyncs {
        try live.metrics.sync()
        live.syncedAt = now
      }
    }
  }

  /// Appends what the script printed to `stdout.log`.
  public func write(output text: String) throws {
    try live.withLock { live in
      let file = try live.output ?? AppendFile(files.output)
      live.output = file
      try file.append(text.utf8)
    }
  }

  private func change(_ edit: (inout Live) throws -> Void) throws {
    try live.withLock { live in
      try edit(&live)
      try save(&live)
    }
  }

  private func save(_ live: inout Live) throws {
    if live.record.revision != nil, let answer = git?.answer { live.record.revision?.dirty = answer }
    try live.record.write(to: files, synced: true)
  }
}

// MARK: - Stages

extension Run {
  /// Which stage is meant, for ending it.
  public struct StageToken: Sendable { fileprivate let place: Int }

  /// Starts a stage. One started within another carries the outer one's name: `teacher/warmup`.
  public func beginStage(_ name: String) throws -> StageToken {
    var place = 0
    try change { live in
      let outer = live.openStages.last.map { live.record.stages[$0].name + "/" } ?? ""
      place = live.record.stages.count
      live.record.stages.append(Stage(name: outer + name, started: .now()))
      live.openStages.append(place)
    }
    return StageToken(place: place)
  }

  /// Ends a stage, and with it those within it. Ending one a second time changes nothing.
  public func endStage(_ token: StageToken, _ state: Stage.State = .finished) throws {
    try change { live in
      guard let depth = live.openStages.firstIndex(of: token.place) else { return }
      live.endStages(from: depth, state)
      try live.metrics.sync()
    }
  }

  /// Runs `body` as a stage, which fails if it throws.
  public func stage<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    let token = try beginStage(name)
    do {
      let result = try body()
      try endStage(token)
      return result
    } catch {
      try? endStage(token, .failed)
      throw error
    }
  }
}

extension Run.Live {
  fileprivate mutating func endStages(from depth: Int, _ state: Stage.State) {
    let now = Timestamp.now()
    for place in openStages[depth...] {
      record.stages[place].state = state
      record.stages[place].seconds = now.seconds(since: record.stages[place].started)
    }
    openStages.removeSubrange(depth...)
  }
}

// MARK: - Artifacts

extension Run {
  /// Leaves a file in the run's folder `artifacts/`.
  ///
  /// `write` is given a temporary place, of the same extension, and what it leaves there takes `name` when it
  /// is complete: there are no half-written artifacts. A name used before is replaced.
  ///
  /// - Returns: where the artifact is.
  @discardableResult
  public func artifact(_ name: String, write: (URL) throws -> Void) throws -> URL {
    let final = try place(ofArtifact: name).path(percentEncoded: false)
    let temporary = "\(files.artifacts)/.\(RunFolder.randomID()).\(name)"
    defer { unlink(temporary) }
    try write(URL(filePath: temporary))

    let artifact = try Artifact(measuring: temporary, name: name)
    try change { live in
      guard rename(temporary, final) == 0 else { throw RunError.system("write", final) }
      live.record.artifacts.removeAll { $0.name == name }
      live.record.artifacts.append(artifact)
    }
    return URL(filePath: final)
  }

  /// Where the artifact of that name is, or will be. Its folder is there; the file need not be.
  public func place(ofArtifact name: String) throws -> URL {
    guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.contains("\0") else {
      throw RunError(
        "artifact: '\(name)' is not a file name; use one without '/' that does not begin with '.'")
    }
    try makeFolders(files.artifacts)
    return URL(filePath: "\(files.artifacts)/\(name)")
  }
}

extension Artifact {
  /// Syncs a finished file to the disk, and reads it once.
  fileprivate init(measuring path: String, name: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw RunError("artifact: nothing was written for '\(name)'; write to the path that is handed over")
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw RunError.system("write", path) }

    var hash = SHA256()
    var bytes: Int64 = 0
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw RunError.system("read", path) }
      guard count > 0 else { break }
      hash.update(chunk[..<count])
      bytes += Int64(count)
    }
    self.init(name: name, bytes: bytes, sha256: hash.finish())
  }
}

// MARK: - The end

extension Run {
  /// Ends the run and its open stages. Only the first call counts.
  ///
  /// - Parameter error: one line that says why it failed.
  public func finish(_ state: RunState, error: String? = nil) throws {
    precondition(state != .running && state != .crashed, "a run ends as finished, failed or interrupted")
    git?.wait()
    try live.withLock { live in
      guard live.record.state == .running else { return }
      live.endStages(from: 0, state.ofOpenStages)
      live.record.state = state
      live.record.error = error
      live.record.ended = .now()
      try live.metrics.sync()
      try live.output?.sync()
      try save(&live)
    }
  }
}

extension RunState {
  fileprivate var ofOpenStages: Stage.State {
    switch self {
    case .failed: .failed
    case .interrupted: .interrupted
    default: .finished
    }
  }
}

extension RunRecord {
  func write(to files: RunFolder, synced: Bool) throws {
    let json = try JSONEncoder.forRuns(pretty: true).encode(self)
    try replaceFile(files.record, with: json + [UInt8(ascii: "\n")], synced: synced)
  }
}
