import Bindings
import Foundation
import LuaHost
import Testing

/// An interpreter as scripts get it, whose output is collected.
final class Script {
  let vm: LuaVM
  private var lines: [String] = []

  init() throws {
    vm = try LuaVM.forScripts()
    let folder = FileManager.default.temporaryDirectory.appending(path: "qscript-bindings-tests").path
    try Bindings.install(into: vm, runs: RunSession(folder: folder))
    vm.register(
      Library(
        "", "",
        [
          Function("emit", "Notes a line of output.", .required("line", String.self)) {
            [unowned self] (line) -> Void in
            lines.append(line)
          }
        ]))
    try vm.run(
      """
      qs, nn = require "qscript", qs.nn
      function print(...)
        local parts = table.pack(...)
        for i = 1, parts.n do parts[i] = tostring(parts[i]) end
        emit(table.concat(parts, " "))
      end
      """, chunk: "=prepare")
  }

  /// What the script printed.
  func output(_ text: String) throws -> String {
    lines = []
    try vm.run(text, chunk: "=script")
    return lines.joined(separator: "\n")
  }

  /// The message of the error that the script ends with.
  func mistake(_ text: String) -> String {
    do {
      try vm.run(text, chunk: "=script")
      return "no error"
    } catch {
      return (error as? LuaError)?.message ?? "\(error)"
    }
  }
}

/// A script and what it prints.
struct Snippet: CustomTestStringConvertible, Sendable {
  let text: String
  let output: String

  init(_ text: String, _ output: String) {
    self.text = text
    self.output = output
  }

  var testDescription: String { text }
}
