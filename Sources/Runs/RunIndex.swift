import Foundation
import GRDB

/// A cache of what the files of all runs say, in SQLite, so that a list of thousands of runs is quick.
///
/// Only listing touches it, never a run. Each listing first reads the runs whose files have changed since it
/// was written, so it is never stale; where it is damaged, lost or cannot be written, it is made again.
public struct RunIndex: Sendable {
  private let root: String
  private var path: String { root + "/index.sqlite" }

  init(root: String) { self.root = root }

  /// The runs that match, newest first.
  func list(_ filter: RunFilter) throws -> [RunSummary] {
    guard isFolder(root) else { return [] }
    return try withDatabase { database in
      // Answer and comparison share a transaction: another process may write what it read earlier in between.
      let current = try database.read { try changes($0).isEmpty ? Self.select(filter, $0) : nil }
      return try current
        ?? database.write {
          try update($0)
          return try Self.select(filter, $0)
        }
    }
  }

  /// Makes the index again from the files.
  public func rebuild() throws {
    remove()
    try withDatabase { try $0.write(update) }
  }

  private func remove() {
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
  }
}

// MARK: - The database

extension RunIndex {
  /// Raised with every change of the tables: an index of another version is made again.
  private static let version = 1

  private func withDatabase<Result>(_ body: (any DatabaseWriter) throws -> Result) throws -> Result {
    do {
      do {
        return try body(try open())
      } catch let error as DatabaseError where Self.isDamage(error) {
        remove()
        return try body(try open())
      }
    } catch is DatabaseError {
      // A read-only folder or a full disk: an index in memory does as well, but for time.
      return try body(try open(inMemory: true))
    }
  }

  private static func isDamage(_ error: DatabaseError) -> Bool {
    [.SQLITE_NOTADB, .SQLITE_CORRUPT, .SQLITE_ERROR, .SQLITE_CONSTRAINT].contains(error.resultCode)
  }

  private func open(inMemory: Bool = false) throws -> DatabaseQueue {
    var configuration = Configuration()
    // Several processes may list at once; each waits for the other's few milliseconds.
    configuration.busyMode = .timeout(10)
    // Should it be lost with the power, it is made again.
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    let queue =
      inMemory
      ? try DatabaseQueue(configuration: configuration)
      : try DatabaseQueue(path: path, configuration: configuration)

    if try queue.read(Self.isEmpty) {
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
      // Another process may have been quicker.
      try queue.write { if try Self.isEmpty($0) { try Self.makeTables($0) } }
    }
    return queue
  }

  @Sendable private static func isEmpty(_ database: Database) throws -> Bool {
    try Int.fetchOne(database, sql: "PRAGMA user_version") != version
  }

  private static func makeTables(_ database: Database) throws {
    try database.execute(
      sql: """
        DROP TABLE IF EXISTS run;
        CREATE TABLE run (
          folder TEXT PRIMARY KEY,
          stamp TEXT NOT NULL,      -- of the files the row was read from
          started INTEGER NOT NULL, -- milliseconds since 1970
          name TEXT NOT NULL,
          state TEXT NOT NULL,
          summary BLOB NOT NULL     -- RunSummary as JSON
        ) WITHOUT ROWID;
        PRAGMA user_version = \(version);
        """)
  }

  private static func select(_ filter: RunFilter, _ database: Database) throws -> [RunSummary] {
    let rows = try Data.fetchAll(
      database,
      sql: """
        SELECT summary FROM run
        WHERE (:state IS NULL OR state = :state) AND (:name IS NULL OR instr(lower(name), lower(:name)))
        ORDER BY started DESC, folder DESC LIMIT :limit
        """,
      arguments: ["state": filter.state?.rawValue, "name": filter.name, "limit": filter.limit ?? -1])
    let decoder = JSONDecoder.forRuns()
    return try rows.map { try decoder.decode(RunSummary.self, from: $0) }
  }
}

// MARK: - Keeping up with the files

extension RunIndex {
  /// Folders that are not as the index has them, with their stamps; nil for those that are gone.
  private func changes(_ database: Database) throws -> [String: String?] {
    let rows = try Row.fetchAll(database, sql: "SELECT folder, stamp FROM run")
    let known = Dictionary(uniqueKeysWithValues: rows.map { ($0["folder"] as String, $0["stamp"] as String) })
    let present = Set(try names(in: root).filter { RunFolder.parse($0) != nil })
    var changes: [String: String?] = [:]
    for folder in present {
      let stamp = stamp(of: folder)
      if known[folder] != stamp { changes[folder] = .some(stamp) }
    }
    for folder in known.keys where !present.contains(folder) { changes[folder] = .some(nil) }
    return changes
  }

  /// Reads what has changed.
  private func update(_ database: Database) throws {
    let encoder = JSONEncoder.forRuns(pretty: false)
    for (folder, stamp) in try changes(database) {
      guard let stamp else {
        try database.execute(sql: "DELETE FROM run WHERE folder = ?", arguments: [folder])
        continue
      }
      guard let summary = RunSummary(reading: folder, in: root) else { continue }
      try database.execute(
        sql: """
          INSERT OR REPLACE INTO run (folder, stamp, started, name, state, summary) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          summary.folder, stamp, summary.started.milliseconds, summary.name, summary.state.rawValue,
          try encoder.encode(summary),
        ])
    }
  }

  private func stamp(of folder: String) -> String {
    let files = RunFolder(path: "\(root)/\(folder)")
    let state = AppendFile.isLocked(files.metrics) ? "running" : ""
    return [FileStamp(files.record).text, FileStamp(files.metrics).text, state].joined(separator: " ")
  }
}

extension RunStore {
  /// The index of this folder, to be made again by hand.
  public var index: RunIndex { RunIndex(root: root) }
}
