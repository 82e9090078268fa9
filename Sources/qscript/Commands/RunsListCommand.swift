import ArgumentParser
import Runs

/// `qscript runs list`.
struct RunsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List earlier runs, newest first.")

  @OptionGroup var options: RunsOptions

  @Option(help: ArgumentHelp("Only runs with this in their name.", valueName: "text"))
  var name: String?

  @Option(help: "Only runs in this state.")
  var state: RunState?

  @Option(help: ArgumentHelp("No more runs than these.", valueName: "n"))
  var limit: Int?

  func validate() throws {
    if let limit, limit < 1 {
      throw ValidationError("The value '\(limit)' is invalid for '--limit <n>': use 1 or more")
    }
  }

  func run() throws {
    let runs = try options.store.list(RunFilter(state: state, name: name, limit: limit))
    if options.json { try options.print(runs) } else { print(RunSummary.table(runs)) }
  }
}

extension RunState: ExpressibleByArgument {}
