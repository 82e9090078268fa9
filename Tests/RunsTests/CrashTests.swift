import Foundation
import Testing

@testable import Runs

/// Whole processes: killed in the midst of a run, or several at a time.
@Suite struct CrashTests {
  let temporary = TemporaryStore()

  @Test func `a run whose process was killed in mid-write is readable, and shown as crashed`() async throws {
    let root = temporary.root.path
    await #expect(processExitsWith: .signal(SIGKILL)) { [root = root as String] in
      let run = try RunStore(root: URL(filePath: root)).begin(.example("doomed"))
      _ = try run.beginStage("teacher")
      for step in 0... {
        if step == 5 {
          Thread.detachNewThread {
            usleep(50_000)
            kill(getpid(), SIGKILL)
          }
        }
        try run.log(["loss": 1], step: step)
        try run.setParameters(["step": .int(Int64(step))])
      }
    }

    let run = try temporary.store.load("last")
    #expect(run.record.state == .crashed)
    #expect(run.record.stages.map(\.name) == ["teacher"])
    let steps = try run.metrics().map(\.step)
    #expect(steps.count >= 5)
    #expect(steps == Array(0..<steps.count))
    #expect(run.seconds < 60)
    #expect(try run.report().contains("crashed"))
    #expect(try temporary.store.list().map(\.state) == [.crashed])
  }

  @Test func `a run is running for others while its process lives, and crashed afterwards`() throws {
    var run: Run? = try temporary.begin()
    let id = try #require(run?.id)
    #expect(try temporary.store.list().map(\.state) == [.running])
    #expect(try temporary.store.load(id).record.state == .running)
    run = nil
    // A process that a test beside this one is just starting shares the lock until it has become itself.
    for _ in 0..<500 where try temporary.store.load(id).record.state == .running { usleep(10_000) }
    #expect(try temporary.store.list().map(\.state) == [.crashed])
    #expect(try temporary.store.load(id).record.state == .crashed)
  }

  @Test func `processes that run and list at once never clash`() async throws {
    let root = temporary.root.path
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          await #expect(processExitsWith: .success) { [root = root as String] in
            let store = RunStore(root: URL(filePath: root))
            for _ in 0..<5 {
              let run = try store.begin(.example("parallel"))
              for step in 0..<20 { try run.log(["loss": 1], step: step) }
              try run.finish(.finished)
              let listed = try store.list().contains { $0.id == run.id && $0.state == .finished }
              guard listed else { exit(1) }
            }
          }
        }
      }
    }
    let runs = try temporary.store.list()
    #expect(runs.count == 20)
    #expect(runs.allSatisfy { $0.state == .finished && $0.metrics.map(\.count) == [20] })
  }
}
