import ArgumentParser

/// `qscript bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast a compiled program is on this machine, as a whole and layer by layer.")

  @Argument(help: ArgumentHelp("The program, as program:save wrote it.", valueName: "model.qsm"))
  var model: String

  @Option(help: ArgumentHelp("Samples in a run.", valueName: "n"))
  var batch = 1

  @Option(help: ArgumentHelp("Threads that share a batch.", valueName: "n"))
  var threads = 1

  @Option(help: ArgumentHelp("Time to spend on each measurement.", valueName: "seconds"))
  var seconds = 0.5

  func validate() throws {
    for (name, value) in [("batch", batch), ("threads", threads)] where !(1...1024).contains(value) {
      throw ValidationError("The value '\(value)' is invalid for '--\(name) <n>': use 1 to 1024")
    }
    if !(seconds > 0 && seconds <= 3600) {
      throw ValidationError("The value '\(seconds)' is invalid for '--seconds <seconds>': use up to 3600")
    }
  }

  func run() throws {
    let script = Script(text: Self.text, chunk: "=[qs bench]")
    let arguments = [model, "\(batch)", "\(threads)", "\(seconds)"]
    throw try Session(SessionOptions.parse([]), script: nil, arguments: arguments).run(script)
  }

  private static let text = """
    local path, batch, threads, seconds = ...
    qs.bench(qs.load_program(path), {
      batch = math.tointeger(batch), threads = math.tointeger(threads), seconds = tonumber(seconds), name = path,
    })
    """
}
