import ArgumentParser
import Runs

/// `qscript runs show ID`.
struct RunsShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show all that is known of a run.")

  @OptionGroup var options: RunsOptions

  @Argument(help: "The run's id or the beginning of it; 'last' for the newest.")
  var id: String

  func run() throws {
    let run = try options.store.load(id)
    if options.json {
      try options.print(RunPage(record: run.record, metrics: try run.metrics()))
    } else {
      print(try run.report())
    }
  }
}

/// What `--json` shows of a run.
private struct RunPage: Encodable {
  let record: RunRecord
  let metrics: [MetricRecord]
}
