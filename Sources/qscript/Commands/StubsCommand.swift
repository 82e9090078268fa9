import ArgumentParser
import Bindings
import Foundation
import LuaHost

/// `qscript stubs`.
struct StubsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stubs", abstract: "Write the annotations that let an editor complete and check scripts.",
    discussion: "They are for the Lua language server: name DIR in its setting 'workspace.library'.")

  @Argument(help: "Where to write them; the folder is made.")
  var folder: String

  func run() throws {
    let session = try Session(SessionOptions.parse([]), script: nil, arguments: [])
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (name, text) in session.vm.stubs().sorted(by: { $0.key < $1.key }) {
        let path = folder + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        print(path)
      }
    } catch {
      throw Complaint(
        "stubs: cannot write to \(folder) (\(error.localizedDescription)); choose another folder")
    }
  }
}
