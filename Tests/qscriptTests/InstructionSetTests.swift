import Testing

@Suite struct InstructionSetTests {
  @Test func oneCanBeForced() throws {
    let ending = try Program().run(
      "-e", "print(require('qscript').int8.isa())", environment: ["QSCRIPT_ISA": "portable"])
    #expect(ending.output == "portable\n", "\(ending.errors)")
  }

  @Test func anUnknownOneIsRefused() throws {
    let ending = try Program().run("-e", "print(1)", environment: ["QSCRIPT_ISA": "mmx"])
    #expect(ending.code == 1)
    #expect(ending.output == "")
    #expect(ending.errors.contains("QSCRIPT_ISA") && ending.errors.contains("mmx"), "\(ending.errors)")
  }
}
