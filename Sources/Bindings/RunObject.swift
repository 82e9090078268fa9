import Foundation
import LuaHost
import Runs

/// A run as scripts hold it. What it prints reaches the run's log for as long as it is open.
final class LuaRun: LuaObject {
  let run: Run
  private let output: OutputLog
  /// Files whose places the script was given; they become artifacts when the run ends.
  private var promised: [String] = []
  private(set) var isOpen = true
  /// Where training calls of this run keep checkpoints that were given no other place; nil before the first.
  private(set) var checkpointFolder: String?

  /// `qs.report`, which is written in Lua.
  private let reporter: LuaFunction?

  init(_ run: Run, reporter: LuaFunction?) {
    self.run = run
    self.reporter = reporter
    output = OutputLog(run)
  }

  var folder: String { run.folder.path(percentEncoded: false) }

  func log(_ metrics: [String: Double], step: Int?) throws {
    try requireOpen("log")
    var values = metrics
    let named = values.removeValue(forKey: "step")
    if let named, Int(exactly: named) == nil {
      throw LuaError("log: 'step' must be an integer (got \(named))")
    }
    if values.isEmpty { throw LuaError("log: no metrics; give some as in run:log{loss = 0.1}") }
    try run.log(values, step: step ?? named.flatMap(Int.init(exactly:)))
  }

  func setParameter(_ name: String, _ value: JSONValue) throws {
    try requireOpen("param")
    try run.setParameters([name: value])
  }

  /// Runs a part of the script, and notes how long it took and how it ended.
  func stage(_ name: String, _ body: LuaFunction) throws -> [LuaHandle] {
    try requireOpen("stage")
    let token = try run.beginStage(name)
    let start = ContinuousClock.now
    func end(_ state: Stage.State) throws {
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      print(
        "stage \(name): \(state == .finished ? "" : "\(state) after ")\(String(format: "%.2f", seconds)) s")
      if isOpen { try run.endStage(token, state) }
    }
    do {
      let results = try body.callForHandles()
      try end(.finished)
      return results
    } catch {
      try? end(error is LuaInterrupted ? .interrupted : (error as? LuaExit)?.code == 0 ? .finished : .failed)
      throw error
    }
  }

  // MARK: - Reports

  func report(_ options: LuaTable) throws -> [LuaHandle] {
    try requireOpen("report")
    guard let reporter else { throw LuaError("report: this program has no qs.report") }
    return try reporter.callForHandles(options)
  }

  func keepReport(_ rows: LuaTable) throws {
    let text = try JSONValue(.table(rows), of: "report").json()
    _ = try addArtifact("report.json") { try Data((text + "\n").utf8).write(to: $0) }
  }

  // MARK: - Files

  /// Adds a copy of a file.
  func addArtifact(_ name: String, copying path: String) throws -> String {
    guard access(path, R_OK) == 0 else {
      throw LuaError("artifact: cannot read \(path): \(String(cString: strerror(errno)).lowercased())")
    }
    return try addArtifact(name) { place in
      do {
        try FileManager.default.copyItem(at: URL(filePath: path), to: place)
      } catch {
        throw LuaError("artifact: cannot copy \(path): \(error.localizedDescription)")
      }
    }
  }

  /// Adds a file that the script writes to the path it is given.
  func addArtifact(_ name: String, writtenBy writer: LuaFunction) throws -> String {
    try addArtifact(name) { try writer.call($0.path(percentEncoded: false)) }
  }

  private func addArtifact(_ name: String, write: (URL) throws -> Void) throws -> String {
    try requireOpen("artifact")
    return try run.artifact(name, write: write).path(percentEncoded: false)
  }

  /// A place in the run's folder for a file that the script will write; noted as an artifact at the end.
  func path(_ name: String) throws -> String {
    try requireOpen("path")
    let place = try run.place(ofArtifact: name)
    if !promised.contains(name) { promised.append(name) }
    return place.path(percentEncoded: false)
  }

  func makeCheckpointFolder() throws -> String {
    let folder = try checkpointFolder ?? run.checkpointFolder()
    checkpointFolder = folder
    return folder
  }

  // MARK: - The end

  /// Only the first call counts.
  func finish(_ state: RunState, error: String? = nil) throws {
    guard isOpen else { return }
    isOpen = false
    output.close()
    for name in promised { try adopt(name) }
    try run.finish(state, error: error)
    if state == .finished, let checkpointFolder { try run.removeCheckpoints(checkpointFolder) }
    if let failure = output.failure { throw failure }
  }

  /// Notes a file that the script wrote where `path` said; one it never wrote is no artifact.
  private func adopt(_ name: String) throws {
    let place = try run.place(ofArtifact: name)
    guard access(place.path(percentEncoded: false), F_OK) == 0 else { return }
    try run.artifact(name) { try FileManager.default.moveItem(at: place, to: $0) }
  }

  private func requireOpen(_ method: String) throws {
    if !isOpen { throw LuaError("\(method): run \(run.id) has finished; begin another with qs.run{}") }
  }
}
