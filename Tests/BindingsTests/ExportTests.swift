import Foundation
import Testing

@Suite struct ExportTests {
  private static let program = """
    qs.seed(1)
    local model = nn.sequential{ nn.linear(4, 3) }
    local data = qs.data.tensors(qs.randn(8, 4), qs.zeros(8, { dtype = "i64" }))
    program = qs.compile(qs.quantize(model, { calibration = data }))
    """

  private func exported(_ options: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "small-net.c-\(UUID().uuidString)/small-net.c")
    let folder = path.deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try Script().output(Self.program + "\nqs.export.c(program, '\(path.path)'\(options))")
    return try String(contentsOf: path, encoding: .utf8)
  }

  @Test func namesComeFromTheFileOrAnOption() throws {
    #expect(try exported("").contains("void small_net_run(const float *input, float *output) {"))
    #expect(try exported(", {prefix = 'kws'}").contains("void kws_run(const float *input, float *output) {"))
    #expect(
      try exported(", {input = 'u8'}").contains("void small_net_run(const uint8_t *input, float *output) {"))
  }

  @Test(arguments: [
    ("qs.export.c(program, '/tmp/x.c', {prefix = '1'})", "export: '1' cannot start the names of a C program"),
    ("qs.export.c(program, '/tmp/x.c', {input = 'i8'})", "must be one of 'f32' or 'u8'"),
    (
      "qs.export.c(program, '/no/such/folder/x.c')",
      "/no/such/folder/x.c: cannot be written: there is no such file"
    ),
    ("qs.export.c(nn.linear(4, 3), '/tmp/x.c')", "program expected, got module"),
  ]) func explains(mistake: String, message: String) throws {
    let said = try Script().mistake(Self.program + "\n" + mistake)
    #expect(said.contains(message), "\(said)")
  }

  @Test func isInTheManual() throws {
    #expect(try Script().output("help(qs.export.c)").contains("one file of C99"))
  }
}
