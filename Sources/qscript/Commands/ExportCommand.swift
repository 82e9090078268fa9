import ArgumentParser

/// `qscript export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a compiled program as one file of C99 that needs no other, for one sample at a time.")

  @Argument(help: ArgumentHelp("The program, as program:save wrote it.", valueName: "model.qsm"))
  var model: String

  @Argument(help: ArgumentHelp("The file to write.", valueName: "model.c"))
  var file: String

  @Option(help: ArgumentHelp("What its names start with instead of the file's name.", valueName: "name"))
  var prefix: String?

  @Option(help: ArgumentHelp("f32, or u8: the bytes behind the first quantization.", valueName: "type"))
  var input = "f32"

  func validate() throws {
    guard file.hasSuffix(".c") else {
      throw ValidationError("The value '\(file)' is invalid for '<model.c>': its name must end in .c")
    }
    guard ["f32", "u8"].contains(input) else {
      throw ValidationError("The value '\(input)' is invalid for '--input <type>': use f32 or u8")
    }
  }

  func run() throws {
    let script = Script(text: Self.text, chunk: "=[qs export]")
    let arguments = [model, file, input] + (prefix.map { [$0] } ?? [])
    throw try Session(SessionOptions.parse([]), script: nil, arguments: arguments).run(script)
  }

  private static let text = """
    local model, file, input, prefix = ...
    qs.export.c(qs.load_program(model), file, { input = input, prefix = prefix })
    """
}
