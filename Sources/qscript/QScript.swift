import ArgumentParser
import COutput
import Foundation

/// The program: a script runner with a few commands around it.
@main
struct QScript: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qscript",
    abstract: "Train, shrink and run small neural networks in one Lua script.",
    usage: """
      qscript [OPTIONS] FILE [ARGS...]
      qscript [OPTIONS] -e CODE [ARGS...]
      qscript COMMAND
      """,
    discussion: """
      'qscript FILE' is short for 'qscript run FILE', and 'qscript' alone for 'qscript repl'; where standard \
      input is not a terminal, the script is read from it. Options after FILE are the script's, which finds \
      them in 'arg'. See 'qscript help run' for the options before it.

      Exit codes: 0 done, 1 the script failed, 2 the command line is wrong, 130 interrupted.
      """,
    subcommands: [
      RunCommand.self, ReplCommand.self, RunsCommand.self, EvaluateCommand.self, BenchCommand.self,
      ExportCommand.self,
      StubsCommand.self,
    ],
    defaultSubcommand: RunCommand.self)

  static func main() {
    co_install()
    prepareSignals()
    do {
      var command = try parseAsRoot()
      try command.run()
      leave(.success)
    } catch let status as ExitStatus {
      leave(status)
    } catch {
      explain(error)
    }
  }

  /// For errors of the command line, and what is none: a request for help.
  private static func explain(_ error: any Error) -> Never {
    let text = fullMessage(for: error)
    if exitCode(for: error) == .success {
      print(text)
      leave(.success)
    }
    Console.complain(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
    leave(exitCode(for: error) == .validationFailure ? .usage : .failure)
  }
}
