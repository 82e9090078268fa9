import Foundation
import LuaHost
import Runs
import Tensors

/// The runs of one interpreter: where they are kept, what the command line says of them, and the one that is
/// open. Nothing is opened or made before a script asks for a run.
public final class RunSession {
  let store: RunStore
  private let script: String?
  private let source: String?
  private let arguments: [String]
  /// Of the command line; it goes before the script's.
  private let seed: UInt64?
  private var threads: Int
  private(set) var current: LuaRun?
  var checkpoints = CheckpointPlaces()
  /// `qs.report`, once Lua/report.lua has handed it over.
  var reporter: LuaFunction?

  public init(
    folder: String, script: String? = nil, source: String? = nil, arguments: [String] = [],
    seed: UInt64? = nil,
    threads: Int? = nil
  ) {
    store = RunStore(root: URL(filePath: folder, directoryHint: .isDirectory))
    self.script = script
    self.source = source
    self.arguments = arguments
    self.seed = seed
    self.threads = threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    if let seed { Random.reseed(seed) }
  }

  public func install(into vm: LuaVM) {
    vm.register(LuaRun.self)
    vm.register(runLibrary)
    vm.register(earlierRunsLibrary)
  }

  /// Opens a run. One that is open is finished first: a script has one run at a time.
  func begin(name: String?, seed: UInt64?, parameters: [String: JSONValue]) throws -> LuaRun {
    try finish(.finished)
    if let seed = self.seed ?? seed { Random.reseed(seed) }
    var description = RunDescription(
      name: name ?? defaultName, seed: Random.seed, threads: threads, instructionSet: Software.instructionSet)
    description.script = script
    description.source = source
    description.arguments = arguments
    description.parameters = parameters
    description.versions = Software.versions
    let run = LuaRun(try store.begin(description), reporter: reporter)
    current = run
    return run
  }

  /// Ends the run that is open, if one is.
  ///
  /// - Parameter error: one line that says why it failed.
  public func finish(_ state: RunState, error: String? = nil) throws {
    defer { current = nil }
    try current?.finish(state, error: error)
  }

  /// As the script's file.
  private var defaultName: String {
    guard let script else { return "script" }
    return URL(filePath: script).deletingPathExtension().lastPathComponent
  }
}
