import Testing

@Suite struct MemoryTests {
  /// In a process of its own, for it reads what the whole process ever held.
  @Test func aLoopThatNeverCollectsStaysSmall() throws {
    let program = try Program()
    try program.write(
      "loop.lua",
      """
      local qs = require "qscript"
      local t = qs.zeros(512, 512)
      for _ = 1, 20000 do t = t + 1 end
      print(t[1][1]:item(), io.open("/proc/self/status"):read("a"):match("VmHWM:%s*(%d+)"))
      """)
    let ending = try program.run("loop.lua")
    let numbers = ending.output.split(whereSeparator: \.isWhitespace).map(String.init)
    try #require(ending.code == 0 && numbers.count == 2, "\(ending.output)\(ending.errors)")
    #expect(numbers[0] == "20000.0")
    let kilobytes = try #require(Int(numbers[1]))
    #expect(kilobytes < 200_000, "the process held \(kilobytes) kB at its peak")
  }
}
