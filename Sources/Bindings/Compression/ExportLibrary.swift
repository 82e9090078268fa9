import Deployment
import Formats
import LuaHost

/// `qs.export`: programs for elsewhere.
enum ExportLibrary {
  static var library: Library {
    Library(
      "qs.export", "Programs for other runtimes.",
      [
        Function(
          "c",
          "Writes a program as one file of C99 that needs no other: weights, kernels, and NAME_run for one sample, "
            + "with the program's bits. An image is [height][width][channels] there. Static memory is told at its top.",
          .required("program", Program.self, "from qs.compile or qs.load_program"),
          .required("path", String.self, "the file; written whole or not at all"),
          .option("prefix", String?.self, "what its names start with; left out, the file's own name"),
          .option(
            "input", default: "f32", "u8 takes the bytes behind the first quantization",
            .oneOf(CExport.Input.allCases.map(\.rawValue)))
        ) { (program, path, prefix, input) -> Void in
          let export = try CExport(
            program, prefix: prefix ?? CExport.prefix(forFile: path),
            input: CExport.Input(rawValue: input) ?? .f32)
          try AtomicFile.write(export.text(), to: path)
        }
      ])
  }
}
