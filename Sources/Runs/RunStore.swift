import Foundation

/// A folder of runs, usually `runs/`. Nothing is opened or made before it is needed.
public struct RunStore: Sendable {
  let root: String

  public init(root: URL) {
    self.root = root.path(percentEncoded: false).removingTrailingSlash
  }
}

// MARK: - A new run

/// What a run is known by when it begins.
public struct RunDescription: Sendable {
  public var name: String
  /// Path as given; nil where the code came from elsewhere.
  public var script: String?
  /// The code that runs, copied to `script.lua`.
  public var source: String?
  public var arguments: [String] = []
  public var parameters: [String: JSONValue] = [:]
  public var seed: UInt64
  public var threads: Int
  /// Which kernels were chosen, such as `avx512vnni`.
  public var instructionSet: String
  /// Of the parts a result may depend on, such as `qscript`, `swift`, `oneDNN`.
  public var versions: [String: String] = [:]

  public init(name: String, seed: UInt64, threads: Int, instructionSet: String) {
    self.name = name
    self.seed = seed
    self.threads = threads
    self.instructionSet = instructionSet
  }
}

extension RunStore {
  /// Begins a run in a new folder `<time>-<name>-<id>`.
  ///
  /// The folder appears as a whole, with a lock on its metrics that lasts as long as this process: that is how
  /// others tell a running run from a crashed one.
  public func begin(_ description: RunDescription) throws -> Run {
    try makeFolders(root)
    let record = RunRecord(description)
    let files = RunFolder(
      path: "\(root)/\(RunFolder.name(started: record.started, name: record.name, id: record.id))")
    let metrics = try make(files, record, source: description.source)

    let git = record.revision.map { _ in GitQuestion(folder: folder(of: description.script)) }
    return Run(record: record, files: files, metrics: metrics, git: git)
  }

  private func make(_ files: RunFolder, _ record: RunRecord, source: String?) throws -> sending AppendFile {
    let hidden = RunFolder(path: "\(root)/.\(record.id).new")
    guard mkdir(hidden.path, 0o755) == 0 else { throw RunError.system("make folder", files.path) }
    do {
      let metrics = try AppendFile(hidden.metrics)
      try metrics.lock()
      if let source { try replaceFile(hidden.script, with: source.utf8, synced: false) }
      // Losing a run that has just begun with the power is no loss worth a start-up's time.
      try record.write(to: hidden, synced: false)
      guard rename(hidden.path, files.path) == 0 else { throw RunError.system("make folder", files.path) }
      metrics.path = files.metrics
      return metrics
    } catch {
      for file in [hidden.metrics, hidden.script, hidden.record] { unlink(file) }
      rmdir(hidden.path)
      throw error
    }
  }
}

extension RunRecord {
  fileprivate init(_ description: RunDescription) {
    self.init(
      id: RunFolder.randomID(), name: description.name, script: description.script,
      arguments: description.arguments, parameters: description.parameters, seed: description.seed,
      threads: description.threads, machine: .current(instructionSet: description.instructionSet),
      versions: description.versions, revision: .find(around: folder(of: description.script)),
      process: getpid(), started: .now())
  }
}

/// The absolute folder of a script; the current one where there is no script.
private func folder(of script: String?) -> String {
  let here = FileManager.default.currentDirectoryPath
  guard let script, let slash = script.lastIndex(of: "/") else { return here }
  let folder = String(script[..<slash])
  return script.hasPrefix("/") ? (folder.isEmpty ? "/" : folder) : "\(here)/\(folder)"
}

extension String {
  fileprivate var removingTrailingSlash: String { count > 1 && hasSuffix("/") ? String(dropLast()) : self }
}

// MARK: - Earlier runs

extension RunStore {
  /// The runs that match, newest first.
  public func list(_ filter: RunFilter = RunFilter()) throws -> [RunSummary] {
    try RunIndex(root: root).list(filter)
  }

  /// The run whose id begins with `prefix`, or whose folder is called so; `last` is the newest.
  public func load(_ prefix: String) throws -> StoredRun {
    if prefix == "last", let newest = try list(RunFilter(limit: 1)).first {
      return try StoredRun(RunFolder(path: "\(root)/\(newest.folder)"))
    }
    let folders = try folderNames()
    let matches = folders.filter { $0.isCalled(prefix) }
    guard let match = matches.first else { throw notFound(prefix, among: folders) }
    guard matches.count == 1 else {
      let ids = matches.suffix(5).map { id(of: $0) }.joined(separator: ", ")
      throw RunError("runs: \(matches.count) runs begin with '\(prefix)' (\(ids)); give more of the id")
    }
    return try StoredRun(RunFolder(path: "\(root)/\(match)"))
  }

  /// Names of the runs' folders, oldest first.
  func folderNames() throws -> [String] {
    try names(in: root).filter { RunFolder.parse($0) != nil }.sorted()
  }

  private func notFound(_ prefix: String, among folders: [String]) -> RunError {
    guard !folders.isEmpty else {
      return RunError("runs: there are no runs in \(root); choose another folder with --runs DIR")
    }
    let nearest = folders.reversed()
      .map { (folder: $0, distance: distance(of: prefix, to: $0)) }
      .enumerated().sorted { ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset) }
      .prefix(3).map { "\(id(of: $0.element.folder)) \(RunFolder.parse($0.element.folder)?.name ?? "")" }
    return RunError("runs: no run begins with '\(prefix)'; nearest: \(nearest.joined(separator: ", "))")
  }

  /// To the id as far as it was given, or to the name.
  private func distance(of prefix: String, to folder: String) -> Int {
    let name = RunFolder.parse(folder)?.name ?? ""
    return min(
      editDistance(prefix, String(id(of: folder).prefix(max(prefix.count, 1)))), editDistance(prefix, name))
  }

  private func id(of folder: String) -> String { String(folder.suffix(RunFolder.idLength)) }
}

extension String {
  /// As a run's folder.
  fileprivate func isCalled(_ prefix: String) -> Bool {
    self == prefix || (!prefix.isEmpty && suffix(RunFolder.idLength).hasPrefix(prefix.lowercased()))
  }
}

/// Levenshtein's distance: insertions, deletions and replacements that make one text the other.
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, character) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in b.enumerated() {
      (diagonal, row[j + 1]) = (
        row[j + 1], min(diagonal + (character == other ? 0 : 1), row[j] + 1, row[j + 1] + 1)
      )
    }
  }
  return row[b.count]
}
