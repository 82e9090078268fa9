import Foundation
import Testing

@testable import Runs

private let hasGit = access("/usr/bin/git", X_OK) == 0 || access("/usr/local/bin/git", X_OK) == 0

/// Against git itself.
@Suite(.enabled(if: hasGit, "git is not installed"))
struct RevisionTests {
  let temporary = TemporaryStore()
  var root: String { temporary.root.path }

  @discardableResult private func git(_ arguments: String...) throws -> String {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["git", "-C", root, "-c", "user.name=A", "-c", "user.email=a@b.c"] + arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func makeRepository() throws {
    try makeFolders(root + "/scripts/deep")
    try git("init", "-q", "-b", "main")
    try Data("1".utf8).write(to: temporary.root.appending(path: "a.lua"))
    try git("add", ".")
    try git("commit", "-q", "-m", "one")
  }

  @Test func `is found from any folder of the repository, packed or not, on a branch or not`() throws {
    try makeRepository()
    let commit = try git("rev-parse", "HEAD")
    #expect(Revision.find(around: root + "/scripts/deep") == Revision(commit: commit, branch: "main"))
    try git("pack-refs", "--all")
    #expect(Revision.find(around: root) == Revision(commit: commit, branch: "main"))
    try git("checkout", "-q", "--detach")
    #expect(Revision.find(around: root) == Revision(commit: commit))
  }

  @Test func `is found in a linked work tree`() throws {
    try makeRepository()
    try git("worktree", "add", "-q", "-b", "other", "linked")
    let found = Revision.find(around: root + "/linked")
    #expect(found == Revision(commit: try git("rev-parse", "HEAD"), branch: "other"))
  }

  @Test func `is dirty when a tracked file has changed`() throws {
    try makeRepository()
    #expect(Revision.isDirty(root) == false)
    try Data("2".utf8).write(to: temporary.root.appending(path: "a.lua"))
    #expect(Revision.isDirty(root) == true)
  }

  @Test func `is absent where there is no repository, and before the first commit`() throws {
    try makeFolders(root)
    #expect(Revision.find(around: root) == nil)
    #expect(Revision.isDirty(root) == nil)
    try git("init", "-q")
    #expect(Revision.find(around: root) == nil)
  }

  @Test func `a run tells the revision of its script's folder`() throws {
    try makeRepository()
    try Data("2".utf8).write(to: temporary.root.appending(path: "a.lua"))
    var description = RunDescription.example()
    description.script = root + "/a.lua"
    let run = try RunStore(root: temporary.root.appending(path: "runs")).begin(description)
    try run.finish(.finished)
    #expect(run.record.revision?.dirty == true)
    #expect(run.record.revision?.commit == (try git("rev-parse", "HEAD")))
  }
}
