import Testing

@Suite struct InstructionSetTests {
  @Test func oneCanBeForced() throws {
    let ending = try Program().run(
      "-e", "print(require('qscript').int8.isa())", environment: ["QSCRIPT_ISA": "portable"])
    #expect(ending.output == "portable\n", "\(ending.errors)")
  }

  @Test func bf16IsRefusedWhereTheProcessorHasNone() throws {
    // oneDNN's own variable, which makes it see a smaller processor.
    let ending = try Program().run(
      "-e", "qs.fit(qs.nn.linear(64, 10), (qs.data.digits()), {precision = 'bf16'})",
      environment: ["DNNL_MAX_CPU_ISA": "AVX2"])
    #expect(ending.code == 1)
    #expect(ending.errors.contains("bf16 needs a processor with AVX512_BF16"), "\(ending.errors)")
  }

  @Test func anUnknownOneIsRefused() throws {
    let ending = try Program().run("-e", "print(1)", environment: ["QSCRIPT_ISA": "mmx"])
    #expect(ending.code == 1)
    #expect(ending.output == "")
    #expect(ending.errors.contains("QSCRIPT_ISA") && ending.errors.contains("mmx"), "\(ending.errors)")
  }
}
