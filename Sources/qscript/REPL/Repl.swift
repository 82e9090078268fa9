import COutput
import Foundation
import LuaHost

/// A session in which a person types pieces of Lua and sees their values.
struct Repl {
  private let session: Session
  private let lines: any LineSource
  /// Runs one piece and prints its values: the Lua function of `qscript.repl`.
  private let piece: LuaFunction

  static func run(_ options: SessionOptions) throws {
    let session = try Session(options, script: nil, arguments: [])
    let isTerminal = isatty(STDIN_FILENO) == 1
    let lines: any LineSource = isTerminal ? TerminalLines(session.vm) : PipedLines()
    if isTerminal { print("qscript \(Version.short); help() helps, Ctrl-D ends the session") }
    throw try Repl(session, lines).run()
  }

  private init(_ session: Session, _ lines: any LineSource) throws {
    self.session = session
    self.lines = lines
    let values = try session.vm.evaluate("require 'qscript.repl'", chunk: "=[qscript]")
    guard case .function(let piece)? = values.first else { throw LuaError("the session's library is missing") }
    self.piece = piece
  }

  private func run() throws -> ExitStatus {
    while true {
      switch lines.next(prompt: "> ") {
      case .line(let line):
        do {
          try evaluate(startingWith: line)
        } catch let exit as LuaExit {
          return session.conclude(exit)
        }
      case .interrupted: continue
      case .end: return session.end()
      }
      if co_failed() != 0 { return session.conclude(LuaInterrupted()) }
    }
  }

  /// Reads more lines for as long as the piece is not complete.
  private func evaluate(startingWith first: String) throws {
    var source = first
    while try !run(source) {
      guard case .line(let line) = lines.next(prompt: ".. ") else { return }
      source += "\n" + line
    }
  }

  /// - Returns: false where the piece wants more lines.
  /// - Throws: `LuaExit` alone; any other failure is told, and the session goes on.
  private func run(_ source: String) throws -> Bool {
    session.vm.clearInterrupt()
    session.vm.stopOnSignals()
    do {
      if case .string("incomplete")? = try piece.call(source).first { return false }
    } catch let exit as LuaExit {
      throw exit
    } catch is LuaInterrupted {
      Console.complain("interrupted")
    } catch let error as LuaError {
      Console.complain(error)
    } catch {
      Console.complain("\(error)")
    }
    return true
  }
}
