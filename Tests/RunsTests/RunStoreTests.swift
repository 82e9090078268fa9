import Foundation
import Testing

@testable import Runs

@Suite struct RunStoreTests {
  let temporary = TemporaryStore()
  var store: RunStore { temporary.store }

  @Test func `runs are listed newest first, by state and by name`() throws {
    for (name, state) in [("teacher", RunState.finished), ("student", .failed), ("teacher-2", .finished)] {
      try temporary.begin(name).finish(state)
      usleep(1001)  // they sort by the millisecond
    }
    #expect(try store.list().map(\.name) == ["teacher-2", "student", "teacher"])
    #expect(try store.list(RunFilter(state: .failed)).map(\.name) == ["student"])
    #expect(try store.list(RunFilter(name: "TEACH")).map(\.name) == ["teacher-2", "teacher"])
    #expect(try store.list(RunFilter(limit: 1)).map(\.name) == ["teacher-2"])
    #expect(try store.load("last").record.name == "teacher-2")
  }

  @Test func `a store that does not exist holds no runs, and is not made by asking`() throws {
    #expect(try store.list().isEmpty)
    let expected = "runs: there are no runs in \(temporary.root.path); choose another folder with --runs DIR"
    #expect(throws: RunError(expected)) { try store.load("ab") }
    #expect(!FileManager.default.fileExists(atPath: temporary.root.path))
  }

  @Test func `a run is found by the beginning of its id`() throws {
    let run = try temporary.begin()
    #expect(try store.load(String(run.id.prefix(5))).record.id == run.id)
    #expect(try store.load(run.id.uppercased()).record.id == run.id)
    #expect(try store.load(run.folder.lastPathComponent).record.id == run.id)
  }

  @Test func `an unknown id is told with the nearest ones, an ambiguous one with those it may mean`() throws {
    let ids = try (0..<17).map { _ in try temporary.begin("digits").id }
    #expect(throws: RunError.self) { try store.load("") }

    let unknown = try #require(throws: RunError.self) { try store.load("digit") }
    #expect(unknown.description.hasPrefix("runs: no run begins with 'digit'; nearest: "))
    #expect(unknown.description.hasSuffix(" digits"))

    // Of 17 ids two share their first digit.
    let digit = try #require(Dictionary(grouping: ids, by: \.first).first { $0.value.count > 1 }?.key)
    let ambiguous = try #require(throws: RunError.self) { try store.load(String(digit)) }
    #expect(ambiguous.description.contains("runs begin with '\(digit)' ("))
    #expect(ambiguous.description.hasSuffix("; give more of the id"))
  }

  @Test func `a folder that cannot be written is told in one line with what to do`() throws {
    try makeFolders(temporary.root.path)
    let file = temporary.root.appending(path: "file")
    try Data().write(to: file)
    let error = try #require(throws: RunError.self) {
      try RunStore(root: file.appending(path: "runs")).begin(.example())
    }
    #expect(error.description.hasPrefix("runs: cannot make folder \(file.path)"))
    #expect(error.description.hasSuffix("; choose a folder that can be written with --runs DIR"))
  }

  @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
  func `a read-only folder is told in one line, and may still be listed`() throws {
    try temporary.begin().finish(.finished)
    chmod(temporary.root.path, 0o555)
    defer { chmod(temporary.root.path, 0o755) }
    let error = try #require(throws: RunError.self) { try temporary.begin() }
    #expect(
      error.description.hasSuffix("permission denied; choose a folder that can be written with --runs DIR"))
    #expect(try store.list().count == 1)
  }

  @Test func `runs begun at once by many threads have folders of their own`() throws {
    DispatchQueue.concurrentPerform(iterations: 16) { [temporary] _ in
      guard let run = try? temporary.begin("same") else { return }
      for step in 0..<10 { try? run.log(["loss": 1], step: step) }
      try? run.finish(.finished)
    }
    let runs = try store.list()
    #expect(runs.count == 16)
    #expect(Set(runs.map(\.id)).count == 16)
    #expect(runs.allSatisfy { $0.state == .finished && $0.metrics.first?.count == 10 })
  }
}
