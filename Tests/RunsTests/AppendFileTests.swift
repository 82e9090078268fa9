import Foundation
import Testing

@testable import Runs

@Suite struct AppendFileTests {
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func `a full disk is told in one line with what to do`() throws {
    let file = try AppendFile("/dev/full")
    let expected =
      "runs: cannot write /dev/full: no space left on device; "
      + "free some space, or choose another folder with --runs DIR"
    #expect(throws: RunError(expected)) { try file.append("loss".utf8) }
  }

  @Test func `a lock is seen by others while it is held, and no longer`() throws {
    let temporary = TemporaryStore()
    try makeFolders(temporary.root.path)
    let path = temporary.root.appending(path: "file").path
    #expect(!AppendFile.isLocked(path))
    do {
      let file = try AppendFile(path)
      #expect(!AppendFile.isLocked(path))
      try file.lock()
      #expect(AppendFile.isLocked(path))
      withExtendedLifetime(file) {}
    }
    #expect(!AppendFile.isLocked(path))
  }
}
