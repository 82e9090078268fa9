import Foundation
import Testing

@testable import Runs

@Suite struct RunTextTests {
  let temporary = TemporaryStore()

  @Test func `the list is a table`() throws {
    let run = try temporary.begin()
    try run.log(["loss": 0.123456, "accuracy": 0.975], step: 3, stage: "student")
    try run.finish(.finished)
    let lines = RunSummary.table(try temporary.store.list()).split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("id        started           name    state       time  last metrics"))
    #expect(lines[1].hasPrefix("\(run.id)  \(run.record.started.local)  digits  finished"))
    #expect(lines[1].hasSuffix(" s  accuracy 0.975, loss 0.1235"))
  }

  @Test func `no runs are said to be none`() {
    #expect(RunSummary.table([]) == "no runs")
  }

  @Test func `a run's page shows its settings, stages, metrics and artifacts`() throws {
    let run = try temporary.begin()
    try run.setParameters(["epochs": .int(15), "lr": .number(0.002)])
    try run.stage("teacher") {
      for (step, loss) in [(1, 0.5), (2, 0.125), (3, 0.25), (4, Double.nan)] {
        try run.log(["loss": loss], step: step)
      }
    }
    try run.artifact("digits.qsm") { try Data("abc".utf8).write(to: $0) }
    try run.finish(.failed, error: "train: loss is NaN")

    let report = try temporary.store.load(run.id).report()
    func line(_ start: String) -> Substring? { report.split(separator: "\n").first { $0.hasPrefix(start) } }
    #expect(line("state") == "state     failed: train: loss is NaN")
    #expect(line("versions") == "versions  oneDNN 2.6, qscript 0.1")
    #expect(line("lr") == "lr         0.002")
    #expect(line("teacher  finished") != nil)
    #expect(line("teacher  loss") == "teacher  loss         4   nan  0.125 @ 2  0.5 @ 1")
    #expect(line("digits.qsm") == "digits.qsm      3  ba7816bf8f01cfea")
  }

  @Test(arguments: [
    (0.04, "0.04 s"), (24.06, "24.1 s"), (99.96, "1 min 39 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"),
  ])
  func `durations are short`(seconds: Double, text: String) {
    #expect(duration(seconds) == text)
  }

  @Test func `JSON has the same facts`() throws {
    let run = try temporary.begin()
    try run.log(["loss": .nan])
    try run.finish(.finished)
    let runs = try temporary.store.list()
    let decoded = try JSONDecoder.forRuns().decode([RunSummary].self, from: Data(try runs.json().utf8))
    #expect(decoded.map(\.id) == [run.id])
    #expect(decoded.first?.metrics.first?.last.value.isNaN == true)
  }
}
