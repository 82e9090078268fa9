import ArgumentParser
import Foundation
import LuaHost

/// `qscript run`, and `qscript` with no command.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a script; without one, read it from standard input, or start a session.",
    usage: """
      qscript run [OPTIONS] FILE [ARGS...]
      qscript run [OPTIONS] -e CODE [ARGS...]
      """,
    discussion:
      "FILE may be '-' for standard input. Options after FILE are the script's: it finds them in 'arg'.")

  @OptionGroup var options: SessionOptions

  @Option(name: [.customShort("e")], help: ArgumentHelp("Run CODE instead of a file.", valueName: "code"))
  var code: String?

  @Flag(help: "Print the versions of qscript and its parts.")
  var version = false

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The script, then its own arguments.", valueName: "file-and-arguments"))
  var words: [String] = []

  /// Passing a script's options through to it must not swallow a mistaken one of ours.
  mutating func validate() throws {
    if words.first == "--" {
      words.removeFirst()
    } else if words.first == "--help" || words.first == "-h" {
      throw CleanExit.helpRequest(self)
    } else if let first = words.first, first.hasPrefix("-"), first != "-" {
      throw ValidationError(
        "Unknown option '\(first)'\(suggestion(for: first, among: Self.optionNames)); the script's own go after FILE"
      )
    }
  }

  private static let optionNames = [
    "--seed", "--threads", "--runs", "--no-strict", "--version", "--help", "-e", "-h",
  ]

  func run() throws {
    if version { return print(Version.report) }
    guard let script = try chosenScript() else { return try Repl.run(options) }
    let session = try Session(
      options, script: script, arguments: code == nil ? Array(words.dropFirst()) : words)
    throw session.run(script)
  }

  /// nil where a session is wanted.
  private func chosenScript() throws -> Script? {
    if let code { return Script(code: code) }
    guard let path = words.first else { return isatty(STDIN_FILENO) == 1 ? nil : try .standardInput() }
    return path == "-" ? try .standardInput() : try .file(path)
  }
}
