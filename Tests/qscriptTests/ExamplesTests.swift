import Foundation
import TestSupport
import Testing

/// The examples run, shortened by `--quick`, and end in the line that says where their program is. Those that need
/// weights of 90 MB or minutes (MiniLM, MLPerf Tiny) are left to their scripts.
@Suite struct ExamplesTests {
  private let examples = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../examples").standardized

  private func run(_ name: String, _ arguments: [String]) throws -> (table: String, program: Data) {
    let program = try Program()
    let script = examples.appending(path: name).path
    let ending = try program.start([script, "--quick"] + arguments).wait()
    try #require(ending.code == 0, "\(name): \(ending.errors)")
    let last = try #require(ending.output.split(separator: "\n").last)
    let prefix = "the program: "
    try #require(last.hasPrefix(prefix), "\(name) ends in: \(last)")
    let table = ending.output.split(separator: "\n").filter {
      $0.hasPrefix("int8") || $0.hasPrefix("teacher")
    }
    return (
      table.joined(separator: "\n"), try Data(contentsOf: URL(filePath: String(last.dropFirst(prefix.count))))
    )
  }

  @Test func theQuickstartGivesTheSameFileEveryTime() throws {
    let (first, second) = (try run("quickstart.lua", []), try run("quickstart.lua", []))
    #expect(first.program == second.program)
    #expect(first.program.count > 1000)
    #expect(first.table.contains("teacher") && first.table.contains("int8"))
  }

  @Test(.enabled(if: SharedData.folder("mnist") != nil, "no MNIST beside the project"))
  func mnistRuns() throws {
    let folder = try #require(SharedData.folder("mnist"))
    #expect(try run("mnist.lua", ["--data", folder]).program.count > 1000)
  }

  @Test(arguments: ["lenet5", "resnet8", "mobilenet025", "dscnn", "encoder6"])
  func benchmarkNetworksRun(name: String) throws {
    let json = FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: json) }
    let script = examples.appending(path: "bench/\(name).lua").path
    let arguments = ["--batch", "2", "--threads", "2", "--seconds", "0.01", "--layers", "--json", json.path]
    let program = try Program()
    let ending = try program.start([script] + arguments).wait()
    try #require(ending.code == 0, "\(name): \(ending.errors)")
    #expect(ending.output.contains("\(name): batch 2 on 2 threads: median"))
    #expect(ending.output.contains("quantize_linear"))
    let line = try String(contentsOf: json, encoding: .utf8)
    #expect(line.hasPrefix("{\"case\":\"\(name), batch 2, 2 threads\",\"value\":"))
  }

  @Test(.enabled(if: SharedData.folder("mnist") != nil, "no MNIST beside the project"))
  func aBinaryNetworkRuns() throws {
    let folder = try #require(SharedData.folder("mnist"))
    #expect(try run("binary_mlp.lua", ["--data", folder]).program.count > 1000)
  }

  @Test(arguments: [
    ("fixed_point", "0.5 with 8 bits: 128"), ("regression_affine", "codes in [-128, 127]: "),
    ("linear_quantization", "min-max floor of relu"), ("uniform_levels", "uniform, corrected"),
    ("two_layer_sigmoid", "weights in 8 bits"),
  ])
  func classicsRun(name: String, line: String) throws {
    let program = try Program()
    let ending = try program.start([examples.appending(path: "classics/\(name).lua").path, "--quick"]).wait()
    try #require(ending.code == 0, "\(name): \(ending.errors)")
    #expect(ending.output.contains(line))
  }

  @Test func aBenchmarkRefusesWhatItDoesNotKnow() throws {
    let script = examples.appending(path: "bench/lenet5.lua").path
    let program = try Program()
    let ending = try program.start([script, "--batch", "0"]).wait()
    #expect(ending.code == 2)
    #expect(ending.errors.contains("--batch needs a positive number"))
  }

  @Test func noExampleIsLeftOut() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: examples.path).filter {
      $0.hasSuffix(".lua")
    }
    #expect(
      files.sorted() == [
        "binary_mlp.lua", "minilm.lua", "minilm_quantized.lua", "mlperf_tiny.lua", "mnist.lua",
        "quickstart.lua",
      ])
    let classics = try FileManager.default.contentsOfDirectory(atPath: examples.path + "/classics")
    #expect(
      classics.sorted() == [
        "fixed_point.lua", "linear_quantization.lua", "regression_affine.lua", "two_layer_sigmoid.lua",
        "uniform_levels.lua",
      ])
  }
}
