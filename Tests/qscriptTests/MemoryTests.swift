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

  @Test func trainingAtASteadyPaceTakesNothingFromTheSystem() throws {
    let program = try Program()
    try program.write(
      "train.lua",
      """
      local qs = require "qscript"
      local nn = qs.nn
      qs.seed(1)
      local model = nn.sequential{
        nn.conv2d(3, 16, 3, { padding = 1 }), nn.batch_norm2d(16), nn.relu(), nn.max_pool2d(2), nn.flatten(),
        nn.linear(16 * 8 * 8, 10) }
      local optimizer = qs.optim.sgd(model, { lr = 0.01, momentum = 0.9 })
      local x, y = qs.randn(32, 3, 16, 16), qs.randint(0, 10, 32)
      local function train(steps)
        local before = qs.memory().fresh
        for _ = 1, steps do
          optimizer:zero_grad()
          qs.losses.cross_entropy(model(x), y):backward()
          optimizer:step()
        end
        collectgarbage() -- results that the script dropped hold their memory until then
        return qs.memory().fresh - before
      end
      -- Twice at first: after a whole collection the collector finds another pace, and more results wait for it.
      print(train(200) + train(200), train(200))
      """)
    let ending = try program.run("train.lua")
    let fresh = ending.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    try #require(ending.code == 0 && fresh.count == 2, "\(ending.output)\(ending.errors)")
    #expect(fresh[0] > 0 && fresh[1] == 0, "\(fresh[0]) buffers at first, \(fresh[1]) later")
  }
}
