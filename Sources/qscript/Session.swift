import Bindings
import COutput
import Foundation
import LuaHost
import Runs

/// One interpreter with everything installed in it, and the run its script may open.
final class Session {
  let vm: LuaVM
  let runs: RunSession

  /// - Throws: where an option asks for what this machine cannot do.
  init(_ options: SessionOptions, script: Script?, arguments: [String]) throws {
    vm = try LuaVM.forScripts(isStrict: !options.isLenient)
    runs = RunSession(
      folder: options.runsFolder, script: script?.path, source: script?.text, arguments: arguments,
      seed: options.seed, threads: options.threads)
    if let threads = options.threads { try Software.setThreads(threads) }
    self.arguments = arguments
    try Bindings.install(into: vm, runs: runs)
    stopWhenOutputFails()
  }

  private let arguments: [String]

  /// Runs the script to its end, and its run with it. Says what went wrong.
  func run(_ script: Script) -> ExitStatus {
    vm.stopOnSignals()
    do {
      try vm.run(script.text, chunk: script.chunk, arguments: arguments)
      return finish(.finished, .success)
    } catch {
      return conclude(error)
    }
  }

  /// Ends a session in which nothing failed.
  func end() -> ExitStatus { finish(.finished, .success) }

  func conclude(_ error: any Error) -> ExitStatus {
    switch error {
    case is LuaInterrupted where co_failed() != 0 && co_failed() != EPIPE:  // `leave` says so
      return finish(.failed, .failure, error: "cannot write to standard output")
    case is LuaInterrupted:
      if co_failed() == 0 { Console.complain("interrupted") }
      return finish(.interrupted, .interrupted)
    case let exit as LuaExit:
      return finish(
        exit.code == 0 ? .finished : .failed, ExitStatus(code: exit.code), error: "os.exit(\(exit.code))")
    case let error as LuaError:
      Console.complain(error)
      return finish(.failed, .failure, error: error.message)
    default:
      Console.complain("\(error)")
      return finish(.failed, .failure, error: "\(error)")
    }
  }

  /// Ends the run that is open, if one is.
  private func finish(_ state: RunState, _ status: ExitStatus, error: String? = nil) -> ExitStatus {
    do {
      try runs.finish(state, error: state == .failed ? error : nil)
      return status
    } catch {
      Console.complain("\(error)")
      return status == .success ? .failure : status
    }
  }

  /// A script whose output nobody can read is stopped as by Ctrl-C.
  private func stopWhenOutputFails() {
    co_on_failure(
      { Unmanaged<LuaVM>.fromOpaque($0!).takeUnretainedValue().requestInterrupt() },
      Unmanaged.passUnretained(vm).toOpaque())
  }

  deinit { co_on_failure(nil, nil) }
}
