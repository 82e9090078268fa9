import Foundation
import Testing

@testable import Runs

@Suite struct RunIndexTests {
  let temporary = TemporaryStore()
  var store: RunStore { temporary.store }
  var index: URL { temporary.root.appending(path: "index.sqlite") }

  private func makeRuns(_ count: Int) throws {
    for number in 0..<count {
      let run = try temporary.begin("run\(number)")
      try run.log(["loss": Double(number)], step: 1)
      try run.finish(.finished)
    }
  }

  @Test func `is made by the first listing, not by a run`() throws {
    try makeRuns(1)
    #expect(!FileManager.default.fileExists(atPath: index.path))
    #expect(try store.list().count == 1)
    #expect(FileManager.default.fileExists(atPath: index.path))
  }

  @Test func `follows runs that go on, end and are deleted`() throws {
    let run = try temporary.begin()
    #expect(try store.list().map(\.metrics.count) == [0])
    try run.log(["loss": 3], step: 1)
    #expect(try store.list().map(\.metrics.first?.last.value) == [3])
    try run.finish(.failed, error: "loss is NaN")
    #expect(try store.list().map(\.error) == ["loss is NaN"])
    try FileManager.default.removeItem(at: run.folder)
    #expect(try store.list().isEmpty)
  }

  @Test(arguments: ["", "not a database, but as long as one might be", "SQLite format 3\0 and then rubbish"])
  func `loses nothing when it is overwritten`(rubbish: String) throws {
    try makeRuns(3)
    let before = try store.list()
    try Data(rubbish.utf8).write(to: index)
    #expect(try store.list() == before)
    #expect(try store.list() == before)
  }

  @Test func `loses nothing when its middle is overwritten`() throws {
    try makeRuns(30)
    let before = try store.list()
    try store.index.rebuild()
    let file = try FileHandle(forUpdating: index)
    let size = try file.seekToEnd()
    for offset in stride(from: 200, to: size, by: 1024) {
      try file.seek(toOffset: offset)
      try file.write(contentsOf: Data(repeating: 0xa5, count: 600))
    }
    try file.close()
    #expect(try store.list() == before)
  }

  @Test func `is made again from the files`() throws {
    try makeRuns(3)
    let before = try store.list()
    try FileManager.default.removeItem(at: index)
    try store.index.rebuild()
    #expect(FileManager.default.fileExists(atPath: index.path))
    #expect(try store.list() == before)
  }

  @Test func `does without its file where that cannot be made`() throws {
    try makeRuns(2)
    try FileManager.default.createDirectory(at: index, withIntermediateDirectories: false)
    #expect(try store.list().count == 2)
  }

  @Test func `lists a run whose record is damaged, and says so`() throws {
    try makeRuns(1)
    let folder = try #require(try store.list().first?.folder)
    try Data("{".utf8).write(to: temporary.root.appending(path: folder + "/run.json"))
    let run = try #require(try store.list().first)
    #expect(run.state == .crashed)
    #expect(run.name == "run0")
    #expect(
      run.error?.hasSuffix("is not a run's record, or is damaged; its other files may be whole") == true)
  }
}
