import Foundation
import Testing

@Suite struct SignalTests {
  let program: Program

  init() throws {
    program = try Program()
    try program.write(
      "loop.lua",
      """
      local run = qs.run{name = "loop"}
      run:stage("spin", function()
        print("started")
        while true do pcall(function() while true do end end) end
      end)
      """)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal stops the script in order`(_ signal: Int32) throws {
    let started = try program.start(["loop.lua"])
    try #require(started.hasPrinted("started"))
    started.send(signal)
    let ending = try started.wait()
    #expect(ending.signal == nil)
    #expect(ending.code == 130)
    #expect(ending.errors == "qscript: interrupted\n")
    let page = try program.run("runs", "show", "last").output
    #expect(page.contains("state     interrupted\n"))
    #expect(page.contains("spin   interrupted"))
  }

  @Test func `a second Ctrl-C kills`() throws {
    // A program that the script waits for keeps it from stopping.
    try program.write("wait.lua", "print('started') io.stdout:flush() os.execute('sleep 20')")
    let started = try program.start(["wait.lua"])
    try #require(started.hasPrinted("started"))
    usleep(300_000)
    // `system` ignores SIGINT while its command runs, SIGTERM it leaves alone.
    started.send(SIGTERM)
    usleep(300_000)
    #expect(started.process.isRunning)
    started.send(SIGTERM)
    let ending = try started.wait()
    #expect(ending.signal == SIGTERM)
  }

  @Test func `a killed run is shown as crashed`() throws {
    let started = try program.start(["loop.lua"])
    try #require(started.hasPrinted("started"))
    #expect(try program.run("runs").output.contains("running"))
    started.send(SIGKILL)
    #expect(try started.wait().signal == SIGKILL)
    #expect(try program.run("runs").output.contains("crashed"))
    let page = try program.run("runs", "show", "last").output
    #expect(page.contains("state     crashed\n"))
  }
}
