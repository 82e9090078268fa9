import Foundation
import Testing

@Suite struct RunLogTests {
  let program: Program
  init() throws { program = try Program() }

  private func folders(_ root: String = "runs") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: program.folder.appending(path: root).path)
      .filter { $0.contains("-") }.sorted()
  }

  @Test func `a script without a run leaves nothing`() throws {
    #expect(try program.run("-e", "print(1)").code == 0)
    #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "runs").path))
  }

  @Test func `a run keeps what the script did`() throws {
    let script = """
      print("before")
      local run = qs.run{name = "first try", seed = 5, parameters = {lr = 0.1}}
      print("printed") io.write("written\\n") io.stdout:write("streamed\\n")
      run:param("layers", {8, 16})
      for step = 1, 3 do run:log{step = step, loss = 1 / step} end
      local a, b = run:stage("train", function() run:log({accuracy = 0.5}, {step = 9}) return 7, {8} end)
      assert(a == 7 and b[1] == 8)
      local file = io.open(run:path("saved.txt"), "w") file:write("saved") file:close()
      run:artifact("made.txt", function(path) local f = io.open(path, "w") f:write("made") f:close() end)
      run:artifact("script-copy.lua", "s.lua")
      """
    try program.write("s.lua", script)
    #expect(try program.run("s.lua", "--quick").code == 0)
    let folder = "runs/" + (try #require(try folders().first))
    #expect(folder.contains("-first-try-"))
    #expect(try program.read(folder + "/script.lua") == script)
    #expect(try program.read(folder + "/artifacts/saved.txt") == "saved")
    #expect(try program.read(folder + "/artifacts/made.txt") == "made")
    let log = try program.read(folder + "/stdout.log")
    #expect(log.hasPrefix("printed\nwritten\nstreamed\nstage train: "))

    let page = try program.run("runs", "show", "last").output
    for text in [
      "first try", "finished", "s.lua --quick", "seed      5", "lr         0.1", "layers     [8, 16]",
      "train",
      "loss", "accuracy", "saved.txt", "made.txt", "script-copy.lua",
    ] { #expect(page.contains(text), "\(text) in \(page)") }
  }

  @Test func `an error marks the run and its stage as failed`() throws {
    try program.write("s.lua", "local run = qs.run{}\nrun:stage('train', function() error('boom') end)")
    let ending = try program.run("s.lua")
    #expect(ending.code == 1)
    #expect(ending.errors.hasPrefix("qscript: s.lua:2: boom\n"))
    let page = try program.run("runs", "show", "last").output
    #expect(page.contains("state     failed: s.lua:2: boom"))
    #expect(page.contains("train  failed"))
  }

  @Test func `another run ends the one before`() throws {
    try program.write(
      "s.lua",
      """
      local first = qs.run{name = "one"}
      local second = qs.run{name = "two"}
      assert(qs.runs.load(first.id).state == "finished" and qs.runs.load(second.id).state == "running")
      print(select(2, pcall(first.log, first, {loss = 1})))
      second:finish()
      assert(qs.runs.load("last").state == "finished" and #qs.runs.list{name = "one"} == 1)
      """)
    let ending = try program.run("s.lua")
    #expect(ending.errors == "")
    #expect(ending.output.contains("has finished; begin another with qs.run{}"))
  }

  @Test func `two scripts at once have runs of their own`() throws {
    try program.write(
      "s.lua", "local run = qs.run{name = 'twin'} for i = 1, 50 do run:log{step = i, loss = i} end")
    let both = [try program.start(["s.lua"]), try program.start(["s.lua"])]
    for started in both { #expect(try started.wait().code == 0) }
    let lines = try program.run("runs").output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.dropFirst().allSatisfy { $0.contains("finished") && $0.contains("loss 50") })
  }

  @Test func `runs go where they are told`() throws {
    #expect(try program.run("--runs", "there/too", "-e", "qs.run{}").code == 0)
    #expect(try folders("there/too").count == 1)
    #expect(try program.run("-e", "qs.run{}", environment: ["QSCRIPT_RUNS": "elsewhere"]).code == 0)
    #expect(try folders("elsewhere").count == 1)
  }

  @Test func `a place that takes no runs is one line with the remedy`() throws {
    try program.write("runs", "a file")
    let ending = try program.run("-e", "qs.run{}")
    #expect(ending.code == 1)
    #expect(ending.errors.contains("cannot make folder"))
    #expect(ending.errors.contains("choose a folder that can be written with --runs DIR"))
    #expect(ending.errors.split(separator: "\n").count == 1)
    #expect(try program.run("--runs", "/proc/runs", "-e", "qs.run{}").code == 1)
  }

  @Test func `lists and pages are there as JSON`() throws {
    try program.write("s.lua", "local run = qs.run{name = 'j'} run:log{loss = 0/0, accuracy = 0.5}")
    #expect(try program.run("s.lua").code == 0)
    let list = try JSONSerialization.jsonObject(with: Data(try program.run("runs", "--json").output.utf8))
    #expect(((list as? [[String: Any]])?.first?["name"] as? String) == "j")
    let page = try JSONSerialization.jsonObject(
      with: Data(try program.run("runs", "show", "last", "--json").output.utf8))
    let metrics = (page as? [String: Any])?["metrics"] as? [[String: Any]]
    #expect((metrics?.first?["values"] as? [String: Any])?["loss"] as? String == "NaN")
  }

  @Test func `an unknown run names the nearest`() throws {
    #expect(try program.run("-e", "qs.run{name = 'digits'}").code == 0)
    let ending = try program.run("runs", "show", "zzzz")
    #expect(ending.code == 1)
    #expect(ending.errors.hasPrefix("qscript: runs: no run begins with 'zzzz'; nearest: "))
  }
}
