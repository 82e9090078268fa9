import CKernels
import Testing

@Suite struct CPUTests {
  @Test func everyOperationHasAPortableKernel() {
    let kernels = allKernels()
    for operation in Set(kernels.map(\.operation)) {
      #expect(kernels.last { $0.operation == operation }?.isa == QK_PORTABLE.rawValue, "\(operation)")
    }
  }

  /// Prints what the other suites really compared, so that a skipped instruction set cannot go unnoticed.
  @Test func everyKernelThatRunsHereBelongsToALevelUnderTest() {
    print("kernel tests run on: \(Level.runnable.map(\.description).joined(separator: ", "))")
    for kernel in allKernels() {
      let runs = kernel.isa & ~qk_cpu() == 0
      print("  \(runs ? "compared" : "cannot run here:") \(kernel.name)")
      #expect(runs == Level.runnable.contains { kernel.isa & ~$0.isa == 0 }, "\(kernel.name)")
    }
  }

  @Test func theActiveLevelIsOneThatRunsHere() {
    let active = Level.runnable.first { $0.description == String(cString: qk_isa_name()) }
    #expect(active?.isa == qk_isa_active())
  }

  @Test func noChoiceMeansTheMostCapableLevel() {
    #expect(choose(nil) == Choice(name: Level.runnable.last!.description, error: ""))
    #expect(choose("") == choose(nil))
  }

  @Test(arguments: Level.runnable) func aLevelCanBeForced(level: Level) {
    #expect(choose(level.description) == Choice(name: level.description, error: ""))
  }

  @Test func anUnknownLevelIsAnErrorThatNamesTheKnownOnes() {
    #if arch(x86_64)
      let known = "portable, avx2, avxvnni, avx512vnni"
    #elseif arch(arm64)
      let known = "portable, neon, neondot, neoni8mm"
    #else
      let known = "portable"
    #endif
    #expect(
      choose("avx3")
        == Choice(name: "portable", error: "QSCRIPT_ISA: unknown instruction set 'avx3' (known: \(known))"))
  }

  struct Choice: Equatable {
    let name, error: String
  }

  private func choose(_ wanted: String?) -> Choice {
    var error = [CChar](repeating: 1, count: 160)
    let level = qk_isa_choose(wanted, &error, error.count)
    return Choice(
      name: String(cString: level!.pointee.name),
      error: error.withUnsafeBufferPointer {
        String(cString: $0.baseAddress!)
      })
  }

  private func allKernels() -> [(operation: String, name: String, isa: UInt32)] {
    var kernels: [(operation: String, name: String, isa: UInt32)] = []
    while let name = qk_kernel(kernels.count).name {
      let kernel = qk_kernel(kernels.count)
      kernels.append((String(cString: kernel.operation), String(cString: name), kernel.isa))
    }
    return kernels
  }
}
