import COutput
import Foundation
import LuaHost

/// A session in which a person types pieces of Lua and sees their values.
struct Repl {
  private let session: Session
  private let lines: any LineSource

  static func run(_ options: SessionOptions) throws {
    let session = try Session(options, script: nil, arguments: [])
    let isTerminal = isatty(STDIN_FILENO) == 1
    let lines: any LineSource = isTerminal ? TerminalLines(session.vm) : PipedLines()
    if isTerminal { print("qscript \(Version.short); help() helps, Ctrl-D ends the session") }
    throw Repl(session: session, lines: lines).run()
  }

  private func run() -> ExitStatus {
    while true {
      switch lines.next(prompt: "> ") {
      case .line(let line):
        if let exit = evaluate(startingWith: line) { return session.conclude(exit) }
      case .interrupted: continue
      case .end: return session.end()
      }
      if co_failed() != 0 { return session.conclude(LuaInterrupted()) }
    }
  }

  /// Reads more lines for as long as the piece is not complete.
  ///
  /// - Returns: the script's wish to end the session, if it has it. Any failure is told, and the session goes on.
  private func evaluate(startingWith first: String) -> LuaExit? {
    var source = first
    while true {
      do {
        try show(source)
        return nil
      } catch let error as LuaError where error.kind == .incomplete {
        guard case .line(let line) = lines.next(prompt: ".. ") else {
          if lines is PipedLines { Console.complain(error) }
          return nil
        }
        source += "\n" + line
      } catch let exit as LuaExit {
        return exit
      } catch {
        tell(error)
        return nil
      }
    }
  }

  private func show(_ source: String) throws {
    session.vm.clearInterrupt()
    session.vm.stopOnSignals()
    let values = try session.vm.show(source, chunk: "=stdin")
    if !values.isEmpty { print(values.joined(separator: "\t")) }
  }

  private func tell(_ error: any Error) {
    switch error {
    case is LuaInterrupted:
      Console.complain("interrupted")
    case let error as LuaError:
      Console.complain(error)
    default:
      Console.complain("\(error)")
    }
  }
}
