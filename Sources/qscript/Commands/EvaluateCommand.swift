import ArgumentParser

/// `qscript eval`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Measure a compiled program: accuracy, speed, size.")

  @Argument(help: ArgumentHelp("The program, as program:save wrote it.", valueName: "model.qsm"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "A folder with the four files of MNIST or of data in its form, or 'digits'.", valueName: "dir"))
  var data: String

  @Option(help: ArgumentHelp("Threads for computing; by default one for each core.", valueName: "n"))
  var threads: Int?

  func run() throws {
    let script = Script(text: Self.text, chunk: "=[qs eval]")
    let options = threads.map { ["--threads", "\($0)"] } ?? []
    throw try Session(SessionOptions.parse(options), script: nil, arguments: [model, data]).run(script)
  }

  private static let text = """
    local path, folder = ...
    local program = qs.load_program(path)
    local _, test
    if folder == "digits" then _, test = qs.data.digits() else _, test = qs.data.mnist(folder) end
    local row = qs.measure(program, test)
    local started = qs.clock()
    local result = qs.evaluate(program, test)
    local seconds = qs.clock() - started
    print(string.format("program     %s, %d bytes, %d parameters, %d MACs", path, row.bytes, row.parameters, row.macs))
    print(string.format("data        %s, %d images", folder, result.samples))
    print(string.format("accuracy    %.2f %%", 100 * result.accuracy))
    print(string.format("throughput  %.0f images/s in batches", result.samples / seconds))
    print(string.format("latency     %.1f us for one image, median", 1e6 * row.latency))
    """
}
