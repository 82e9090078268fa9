import ArgumentParser
import Foundation
import Runs

/// `qscript runs`: what earlier runs did.
struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List earlier runs, or show one.",
    subcommands: [RunsListCommand.self, RunsShowCommand.self], defaultSubcommand: RunsListCommand.self)
}

struct RunsOptions: ParsableArguments {
  @Option(
    name: .customLong("runs"),
    help: ArgumentHelp("Where runs are kept (default: $QSCRIPT_RUNS, or ./runs).", valueName: "dir"))
  var folder: String?

  @Flag(help: "Print JSON for other programs.")
  var json = false

  var store: RunStore {
    RunStore(root: URL(filePath: SessionOptions.runsFolder(folder), directoryHint: .isDirectory))
  }
}

extension RunsOptions {
  func print(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}
