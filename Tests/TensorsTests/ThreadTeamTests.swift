import Synchronization
import Testing

@testable import Tensors

@Suite struct ThreadTeamTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func doesEveryPartOnce(threads: Int, parts: Int) throws {
    let counts = Mutex([Int](repeating: 0, count: parts))
    ThreadTeam.run(parts: parts, threads: threads) { part, member in
      #expect(member < threads)
      counts.withLock { $0[part] += 1 }
    }
    #expect(counts.withLock { $0.allSatisfy { $0 == 1 } })
  }

  @Test func neverRunsTwoPartsAsOneMember() throws {
    let busy = Mutex(Set<Int>())
    for _ in 0..<200 {
      ThreadTeam.run(parts: 20, threads: 4) { _, member in
        #expect(busy.withLock { $0.insert(member).inserted })
        busy.withLock { _ = $0.remove(member) }
      }
    }
  }

  @Test func throwsTheErrorOfTheLowestPart() throws {
    let done = Mutex(0)
    let error = #expect(throws: ShapeError.self) {
      try ThreadTeam.run(parts: 10, threads: 3) { part, _ in
        done.withLock { $0 += 1 }
        if part >= 4 { throw ShapeError("part", "\(part)") }
      }
    }
    #expect(error?.description == "part: 4")
    #expect(done.withLock { $0 } == 10)
  }

  @Test func aCallInsideACallRunsOnItsOwnThread() throws {
    let sum = Mutex(0)
    ThreadTeam.run(parts: 4, threads: 2) { _, _ in
      ThreadTeam.run(parts: 4, threads: 2) { part, _ in sum.withLock { $0 += part } }
    }
    #expect(sum.withLock { $0 } == 24)
  }
}
