import Foundation
import Testing

@testable import Runs

@Suite struct RunTests {
  let temporary = TemporaryStore()

  private func lines(_ file: String, of run: Run) throws -> [Substring] {
    try String(contentsOf: run.folder.appending(path: file), encoding: .utf8).split(separator: "\n")
  }

  @Test func `a new run has a folder of its own with its record and the script's text`() throws {
    var description = RunDescription.example("my run/1")
    description.source = "print 'hello'\n"
    description.arguments = ["--quick"]
    description.parameters = ["lr": .number(2e-3), "layers": .array([.int(1), .string("two")])]
    let run = try temporary.store.begin(description)

    #expect(run.folder.lastPathComponent.hasSuffix("-my-run-1-\(run.id)"))
    #expect(try lines("script.lua", of: run) == ["print 'hello'"])
    let record = try temporary.store.load(run.id).record
    #expect(record == run.record)
    #expect(record.name == "my run/1")
    #expect(record.state == .running)
    #expect(record.seed == 7)
    #expect(record.parameters == description.parameters)
    #expect(record.machine.cores > 0)
    #expect(!record.machine.cpu.isEmpty)
  }

  @Test func `metrics are appended a line at a time, with the stage that runs`() throws {
    let run = try temporary.begin()
    try run.log(["loss": 0.5], step: 1)
    let stage = try run.beginStage("teacher")
    try run.log(["loss": 0.25, "accuracy": 0.9], step: 2)
    try run.log(["loss": 0.125], step: 3, stage: "elsewhere")
    try run.endStage(stage)

    let written = try lines("metrics.jsonl", of: run)
    #expect(written.count == 3)
    #expect(written[1].hasSuffix(#""stage":"teacher","step":2,"values":{"accuracy":0.9,"loss":0.25}}"#))
    let read = try temporary.store.load(run.id).metrics()
    #expect(read.map(\.stage) == [nil, "teacher", "elsewhere"])
    #expect(read.map(\.step) == [1, 2, 3])
    #expect(read[1].values == ["loss": 0.25, "accuracy": 0.9])
  }

  @Test func `a metric that is no number is valid JSON and comes back`() throws {
    let run = try temporary.begin()
    try run.log(["loss": .nan, "up": .infinity, "down": -.infinity])

    for line in try lines("metrics.jsonl", of: run) {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
    let values = try #require(try temporary.store.load(run.id).metrics().first?.values)
    #expect(values["loss"]?.isNaN == true)
    #expect(values["up"] == .infinity)
    #expect(values["down"] == -.infinity)
  }

  @Test func `stages may hold stages, and tell how long they took and how they ended`() throws {
    let run = try temporary.begin()
    try run.stage("teacher") { try run.stage("warmup") {} }
    struct Failure: Error {}
    #expect(throws: Failure.self) { try run.stage("prune") { throw Failure() } }
    let cached = try run.beginStage("quantize")
    try run.endStage(cached, .cached)
    try run.endStage(cached, .failed)

    let stages = try temporary.store.load(run.id).record.stages
    #expect(stages.map(\.name) == ["teacher", "teacher/warmup", "prune", "quantize"])
    #expect(stages.map(\.state) == [.finished, .finished, .failed, .cached])
    #expect(stages.allSatisfy { ($0.seconds ?? -1) >= 0 })
  }

  @Test func `the end of a run ends its open stages, and only the first end counts`() throws {
    let run = try temporary.begin()
    _ = try run.beginStage("teacher")
    try run.finish(.interrupted)
    try run.finish(.failed, error: "too late")

    let record = try temporary.store.load(run.id).record
    #expect(record.state == .interrupted)
    #expect(record.error == nil)
    #expect(record.ended != nil)
    #expect(record.stages.map(\.state) == [.interrupted])
  }

  @Test func `an artifact takes its name when it is complete, and is known by size and digest`() throws {
    let run = try temporary.begin()
    let place = try run.artifact("model.qsm") { try Data("abc".utf8).write(to: $0) }
    #expect(try String(contentsOf: place, encoding: .utf8) == "abc")
    try run.artifact("model.qsm") { try Data("abcd".utf8).write(to: $0) }
    try run.artifact("empty") { try Data().write(to: $0) }

    let artifacts = run.record.artifacts
    #expect(artifacts.map(\.name) == ["model.qsm", "empty"])
    #expect(artifacts.map(\.bytes) == [4, 0])
    #expect(artifacts[0].sha256 == "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589")
  }

  @Test func `an artifact that fails half-way leaves nothing`() throws {
    let run = try temporary.begin()
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try run.artifact("model.qsm") {
        try Data("half".utf8).write(to: $0)
        throw Failure()
      }
    }
    #expect(throws: RunError("artifact: nothing was written for 'x'; write to the path that is handed over"))
    {
      try run.artifact("x") { _ in }
    }
    let left = try FileManager.default.contentsOfDirectory(
      atPath: run.folder.appending(path: "artifacts").path)
    #expect(left.isEmpty)
    #expect(run.record.artifacts.isEmpty)
  }

  @Test(arguments: ["", "../up", "/etc/passwd", ".hidden", "a\0b"])
  func `an artifact stays in the run's folder`(name: String) throws {
    let run = try temporary.begin()
    #expect(throws: RunError.self) { try run.artifact(name) { _ in } }
  }

  @Test func `what the script prints is kept as it is`() throws {
    let run = try temporary.begin()
    try run.write(output: "epoch 1\n")
    try run.write(output: "höher\n")
    #expect(try temporary.store.load(run.id).output() == "epoch 1\nhöher\n")
  }

  @Test func `threads may log at once, and no line is torn`() throws {
    let run = try temporary.begin()
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for step in 0..<100 { try? run.log(["loss": Double(thread)], step: step) }
    }
    let metrics = try temporary.store.load(run.id).metrics()
    #expect(metrics.count == 800)
    for thread in 0..<8 {
      #expect(metrics.filter { $0.values["loss"] == Double(thread) }.map(\.step) == Array(0..<100))
    }
  }
}
