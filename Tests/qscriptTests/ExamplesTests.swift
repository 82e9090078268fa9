import Foundation
import TestSupport
import Testing

/// Every example runs, shortened by `--quick`, and ends in the line that says where its program is.
@Suite struct ExamplesTests {
  private let examples = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../examples").standardized

  private func run(_ name: String, _ arguments: [String]) throws -> (table: String, program: Data) {
    let program = try Program()
    let script = examples.appending(path: name).path
    let ending = try program.start([script, "--quick"] + arguments).wait()
    try #require(ending.code == 0, "\(name): \(ending.errors)")
    let last = try #require(ending.output.split(separator: "\n").last)
    let prefix = "the program: "
    try #require(last.hasPrefix(prefix), "\(name) ends in: \(last)")
    let table = ending.output.split(separator: "\n").filter {
      $0.hasPrefix("int8") || $0.hasPrefix("teacher")
    }
    return (
      table.joined(separator: "\n"), try Data(contentsOf: URL(filePath: String(last.dropFirst(prefix.count))))
    )
  }

  @Test func theQuickstartGivesTheSameFileEveryTime() throws {
    let (first, second) = (try run("quickstart.lua", []), try run("quickstart.lua", []))
    #expect(first.program == second.program)
    #expect(first.program.count > 1000)
    #expect(first.table.contains("teacher") && first.table.contains("int8"))
  }

  @Test func mnistRuns() throws {
    guard let folder = SharedData.folder("mnist") else {
      return print("no MNIST beside the project: not tested")
    }
    #expect(try run("mnist.lua", ["--data", folder]).program.count > 1000)
  }

  @Test func noExampleIsLeftOut() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: examples.path).filter {
      $0.hasSuffix(".lua")
    }
    #expect(files.sorted() == ["mnist.lua", "quickstart.lua"])
  }
}
