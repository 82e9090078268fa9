import Testing

/// Training calls that are cut off, or are given other things than before.
@Suite struct ResumeTests {
  private static let start = """
    local path = os.tmpname()
    os.remove(path)
    qs.seed(4)
    local data = qs.data.tensors(qs.randn(32, 4), qs.zeros(32, {dtype = "i64"}))
    local function fit(options)
      qs.seed(1)
      options.epochs, options.batch_size, options.verbose = 1, 8, false
      options.checkpoint = {path = path, steps = 1}
      return qs.fit(nn.linear(4, 2), data, options)
    end

    """

  @Test func `a checkpoint of a training with validation data is refused by one without`() throws {
    let mistake = try Script().mistake(Self.start + "fit{validation = data}; fit{}")
    #expect(
      mistake.contains("is a checkpoint of a training with other validation data; give another file"),
      "\(mistake)")
  }

  @Test func `the seconds of an epoch that was cut off count those before`() throws {
    let output = try Script().output(
      Self.start + """
        local steps, stop = 0, 3
        local function wait(x)
          steps = steps + 1
          if steps == stop then error("cut off") end
          local began = qs.clock()
          repeat until qs.clock() - began > 0.03
          return x
        end
        print(pcall(fit, {augment = wait}) == false, steps)
        stop = nil
        local history = fit{augment = wait}
        print(steps, history[1].seconds > 4 * 0.03)
        os.remove(path)
        """)
    #expect(output == "true 3\n5 true")
  }

  @Test func `a teacher stays as it is, with augmentation as well`() throws {
    let output = try Script().output(
      Self.start + """
        local teacher = nn.sequential{nn.linear(4, 2), nn.batch_norm1d(2)}:train()
        local before = teacher:state()
        qs.distill{teacher = teacher, student = nn.linear(4, 2), data = data, epochs = 1, verbose = false,
          augment = function(x) return x end}
        for name, value in pairs(teacher:state()) do
          assert((value - before[name]):abs():max():item() == 0, name)
        end
        print(teacher.training)
        """)
    #expect(output == "false")
  }
}
