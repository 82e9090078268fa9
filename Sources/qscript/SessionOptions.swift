import ArgumentParser
import Foundation

/// What every command that runs scripts understands.
struct SessionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Seed of all random numbers, instead of the script's own.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Threads for computing; by default one for each core.", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("Where runs are kept (default: $QSCRIPT_RUNS, or ./runs).", valueName: "dir"))
  var runs: String?

  @Flag(name: .customLong("no-strict"), help: "Let scripts read undefined globals, as nil.")
  var isLenient = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("The value '\(threads)' is invalid for '--threads <n>': use 1 to 1024")
    }
    if runs == "" { throw ValidationError("The value '' is invalid for '--runs <dir>': name a folder") }
  }

  var runsFolder: String { Self.runsFolder(runs) }

  static func runsFolder(_ chosen: String?) -> String {
    chosen ?? ProcessInfo.processInfo.environment["QSCRIPT_RUNS"].flatMap { $0.isEmpty ? nil : $0 } ?? "runs"
  }
}
