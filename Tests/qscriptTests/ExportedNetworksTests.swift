import Foundation
import TestSupport
import Testing

/// Every network of `examples/` in every form it can be written in, read back, and run in ONNX Runtime and LiteRT where
/// `$QSCRIPT_PEERS` names a Python that has them (see scripts/peers/setup).
@Suite struct ExportedNetworksTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    .standardized

  /// An example and its options.
  struct Example: CustomTestStringConvertible {
    let path: String
    var options: [String] = []
    var testDescription: String { path }
  }

  private static let examples: [Example] = {
    let benches = (try? FileManager.default.contentsOfDirectory(atPath: root.path + "/examples/bench")) ?? []
    let quick = ["--batch", "1", "--threads", "1", "--seconds", "0.01"]
    var examples = benches.filter { $0.hasSuffix(".lua") && $0 != "common.lua" }.sorted().map {
      Example(path: "examples/bench/" + $0, options: quick)
    }
    examples.append(Example(path: "examples/quickstart.lua", options: ["--quick"]))
    if let folder = SharedData.folder("mnist") {
      examples.append(Example(path: "examples/mnist.lua", options: ["--quick", "--data", folder]))
    }
    return examples
      + ["mlp", "lenet5", "resnet8", "qat"].map { Example(path: "examples/bench/train/\($0).lua") }
      + [Example(path: "scripts/peers/networks.lua")]
  }()

  @Test(arguments: examples) func computeTheSameReadBackAndInOtherRuntimes(example: Example) throws {
    let program = try Program()
    let files = program.folder.appending(path: "files")
    try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
    let script = Self.root.path + "/scripts/peers/export.lua"
    let arguments = [script, files.path, Self.root.path + "/" + example.path] + example.options
    let exported = try program.start(arguments).wait()
    try #require(exported.code == 0, "\(exported.errors)")
    let written = try FileManager.default.contentsOfDirectory(atPath: files.path)
    #expect(written.contains { $0.hasSuffix(".npz") } && written.contains { $0.hasSuffix(".onnx") })
    try Peers.check(files, program)
  }
}

/// Other runtimes, for comparison.
enum Peers {
  static let python = ProcessInfo.processInfo.environment["QSCRIPT_PEERS"]

  /// Runs the models of a folder in them and compares; where they are absent, says so.
  static func check(_ folder: URL, _ program: Program) throws {
    guard let python else {
      return print("no other runtimes: set QSCRIPT_PEERS to $(scripts/peers/setup) to compare with them")
    }
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../scripts/peers/check.py").standardized
    let ending = try program.start([script.path, folder.path], executable: python).wait()
    #expect(ending.code == 0, "\(ending.output)\(ending.errors)")
  }
}
