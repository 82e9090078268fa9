import Foundation
import TestSupport
import Testing

/// `qscript export`, on networks as their examples make them.
@Suite(.enabled(if: !CCompiler.all.isEmpty, "no C compiler is here"))
struct ExportTests {
  private static let examples = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../examples").standardized

  private func succeed(
    _ program: Program, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> String {
    let ending = try program.start(arguments, environment: environment).wait()
    try #require(ending.code == 0, "\(arguments.joined(separator: " ")): \(ending.errors)")
    return ending.output
  }

  /// Writes samples and what the program makes of them, as floats in the order of the program in C.
  private static let measure = """
    local qs = require "qscript"
    local program = qs.load_program("net.qsm")
    qs.seed(3)
    local shape = program.input_shape
    local function floats(t, path)
      if #t.shape == 4 then t = t:permute(1, 3, 4, 2) end
      local file = assert(io.open(path, "wb"))
      local values = t:reshape(-1):totable()
      for i = 1, #values do file:write(string.pack("<f", values[i])) end
      file:close()
    end
    local normal = qs.randn(4, table.unpack(shape))
    local size = qs.tensor{ 1, 0.01, 50, 1e30 }
    for _ = 1, #shape do size = size:unsqueeze(-1) end
    local x = normal * size
    floats(x, "x")
    floats(program(x), "y")
    """

  private func expectTheBits(of folder: Program, _ compiler: CCompiler) throws {
    _ = try succeed(folder, ["export", "net.qsm", "net.c"])
    func file(_ name: String) throws -> Data { try Data(contentsOf: folder.folder.appending(path: name)) }
    _ = try succeed(folder, ["-e", Self.measure], environment: ["QSCRIPT_ISA": "portable"])
    let portable = try file("y")
    _ = try succeed(folder, ["-e", Self.measure])
    #expect(try file("y") == portable && portable.count >= 32)
    #expect(try compiler.run(Array(file("net.c")), name: "net", file("x")) == portable)
  }

  @Test(arguments: ["lenet5", "resnet8", "mobilenet025", "dscnn"])
  func aBenchmarkNetworkHasTheSameBitsInC(name: String) throws {
    let folder = try Program()
    let script = Self.examples.appending(path: "bench/\(name).lua").path
    _ = try succeed(folder, [script, "--batch", "1", "--seconds", "0.01", "--save", "net.qsm"])
    try expectTheBits(of: folder, CCompiler.all[name == "resnet8" ? CCompiler.all.count - 1 : 0])
  }

  /// The layers of `examples/bench/encoder6.lua`, narrower, for compilers take their time over 40 MB of weights.
  @Test func anEncoderHasTheSameBitsInC() throws {
    let folder = try Program()
    try folder.write(
      "encoder.lua",
      """
      local qs = require "qscript"
      local nn = qs.nn
      local function layer()
        return nn.sequential{
          nn.residual(nn.multi_head_attention(48, 3)), nn.layer_norm(48),
          nn.residual(nn.sequential{ nn.linear(48, 192), nn.gelu(), nn.linear(192, 48) }), nn.layer_norm(48) }
      end
      qs.seed(1)
      local model = nn.sequential{ layer(), layer() }
      model:eval()
      local data = qs.data.tensors(qs.randn(16, 20, 48), qs.zeros(16, { dtype = "i64" }))
      qs.compile(qs.quantize(model, { calibration = data, batch_size = 8 })):save("net.qsm")
      """)
    _ = try succeed(folder, ["encoder.lua"])
    try expectTheBits(of: folder, CCompiler.all[0])
  }

  @Test func theQuickstartHasTheSameBitsInC() throws {
    let folder = try Program()
    let script = Self.examples.appending(path: "quickstart.lua").path
    let output = try succeed(folder, [script, "--quick"])
    let path = try #require(output.split(separator: "\n").last).dropFirst("the program: ".count)
    try FileManager.default.copyItem(
      at: URL(filePath: String(path), relativeTo: folder.folder), to: folder.folder.appending(path: "net.qsm")
    )
    try expectTheBits(of: folder, CCompiler.all[0])
  }

  @Test func mistakesAreOneLine() throws {
    let folder = try Program()
    for (arguments, message) in [
      (["export", "none.qsm", "net.c"], "none.qsm: cannot be read: there is no such file or folder"),
      (["export", "net.qsm", "net.h"], "its name must end in .c"),
      (["export", "net.qsm", "net.c", "--input", "i8"], "use f32 or u8"),
    ] {
      let ending = try folder.start(arguments).wait()
      #expect(ending.code != 0 && ending.errors.contains(message), "\(ending.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.folder.appending(path: "net.c").path))
  }
}
