import ArgumentParser

/// `qscript repl`.
struct ReplCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl", abstract: "Start a session: type Lua, see values.")

  @OptionGroup var options: SessionOptions

  func run() throws { try Repl.run(options) }
}
