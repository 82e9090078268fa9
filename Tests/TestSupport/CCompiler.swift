import Foundation

/// A C compiler of this machine, for what the project writes in C.
public struct CCompiler: Sendable, CustomStringConvertible {
  public let name: String
  private let path: String

  public var description: String { name }

  /// Those of gcc and clang that are here, and `cc` where neither is; tests that need one are then disabled.
  public static let all: [CCompiler] = {
    let found = ["gcc", "clang"].compactMap(CCompiler.init)
    return found.isEmpty ? ["cc"].compactMap(CCompiler.init) : found
  }()

  private init?(_ name: String) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile)
    else { return nil }
    (self.name, self.path) = (name, path)
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Compiles `source`, a program in C called `name`, and runs samples through it.
  ///
  /// - Parameters:
  ///   - flags: beside those that make an error of every warning.
  ///   - input: the bytes of all samples.
  /// - Returns: the bytes of all results.
  public func run(
    _ source: [UInt8], name: String, flags: [String] = [], inputType: String = "float", _ input: Data
  ) throws -> Data {
    let folder = FileManager.default.temporaryDirectory.appending(path: "qscript-c-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let macro = name.uppercased()
    let main = """
      #define \(macro)_DECLARATIONS
      #include "\(name).c"
      #include <stdio.h>
      static \(inputType) x[\(macro)_INPUT_ELEMENTS];
      static float y[\(macro)_OUTPUT_ELEMENTS];
      int main(void) {
        while (fread(x, sizeof x, 1, stdin) == 1) {
          \(name)_run(x, y);
          if (fwrite(y, sizeof y, 1, stdout) != 1) return 1;
        }
        return 0;
      }
      """
    try Data(source).write(to: folder.appending(path: "\(name).c"))
    try Data(main.utf8).write(to: folder.appending(path: "main.c"))
    let strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    _ = try Self.run(
      path, strict + flags + ["main.c", "\(name).c", "-o", "program", "-lm"], Data(), in: folder)
    return try Self.run(folder.appending(path: "program").path, [], input, in: folder)
  }

  /// What a program prints. Its streams are files, so that it never waits.
  private static func run(_ program: String, _ arguments: [String], _ input: Data, in folder: URL) throws
    -> Data
  {
    let place = folder.appending(path: UUID().uuidString)
    let files = ["in", "out", "err"].map(place.appendingPathExtension)
    try input.write(to: files[0])
    for file in files[1...] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0, process.terminationReason == .exit else {
      let text = try String(decoding: Data(contentsOf: files[2]).prefix(3000), as: UTF8.self)
      throw Failure(description: "\(program) \(arguments.joined(separator: " ")): \(text)")
    }
    return try Data(contentsOf: files[1])
  }
}
