import CKernels
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Compression
@testable import Deployment

@Suite struct CExportTests {
  /// Samples of every size of number: normal ones, tiny and huge ones, and what is no number.
  private func samples(of program: Program, seed: UInt64 = 1) throws -> Tensor {
    var generator = Generator(seed: seed)
    let count = program.inputShape.elements
    let normal = (0..<count).map { _ in Float(generator.normal()) }
    let odd: [Float] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -1e38, 3e38]
    let mixed = normal.enumerated().map { $0 % 3 == 0 ? odd[$0 / 3 % odd.count] : $1 }
    let rows = [
      normal, normal.map { $0 * 1e-3 }, normal.map { $0 * 40 }, normal.map { $0 < 0 ? -3e38 : 3e38 },
    ]
    let all = (rows + [mixed, [Float](repeating: 0, count: count)]).flatMap { $0 }
    return try Tensor(Shape([6] + program.inputShape), all)
  }

  /// The numbers of a tensor as they lie, an image's channels innermost.
  private func data(_ x: Tensor) throws -> Data {
    let y = x.rank == 4 ? try x.channelsLast() : try x.contiguous()
    return withExtendedLifetime(y) { Data(bytes: y.floats, count: 4 * y.count) }
  }

  private func expectItsBits(_ program: Program, _ compiler: CCompiler, _ flags: [String] = []) throws {
    let x = try samples(of: program)
    let y = try compiler.run(CExport(program, prefix: "net").text(), name: "net", flags: flags, data(x))
    #expect(try y == data(program(x)))
  }

  private func convolutional() throws -> Program {
    var generator = Generator(seed: 1)
    let x = try Tensor([16, 2, 8, 8], (0..<2048).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: ConvNet(seed: 3), [x])
    return try Program(compiling: StaticQuantization()(graph, calibration: [x]))
  }

  private func transformer(isCausal: Bool) throws -> Program {
    var generator = Generator(seed: 2)
    let x = try Tensor([16, 6, 16], (0..<1536).map { _ in Float(generator.normal()) })
    let graph = try Graph(capturing: EncoderNet(seed: 3, isCausal: isCausal), [x])
    return try Program(compiling: StaticQuantization()(graph, calibration: [x]))
  }

  @Test(arguments: CCompiler.all) func aConvolutionalNetworkHasTheSameBitsInC(compiler: CCompiler) throws {
    try expectItsBits(convolutional(), compiler)
  }

  @Test(arguments: CCompiler.all, [false, true])
  func recurrentNetworksHaveTheSameBitsInC(compiler: CCompiler, bidirectional: Bool) throws {
    let x = try sample([16, 7, 6], seed: 2)
    let graph = try Graph(capturing: SequenceNet(seed: 3, bidirectional: bidirectional), [x])
    try expectItsBits(Program(compiling: StaticQuantization()(graph, calibration: [x])), compiler)
  }

  @Test(arguments: CCompiler.all) func networksOfFewBitsHaveTheSameBitsInC(compiler: CCompiler) throws {
    let quantize = StaticQuantization(
      weights: WeightScheme(.integer(bits: 3)), activations: ActivationScheme(bits: 4))
    var generator = Generator(seed: 2)
    let (x, z) = try (
      Tensor([16, 6, 16], (0..<1536).map { _ in Float(generator.normal()) }),
      Tensor([16, 2, 8, 8], (0..<2048).map { _ in Float(generator.normal()) })
    )
    for (graph, data) in [
      (try Graph(capturing: EncoderNet(seed: 3), [x]), x), (try Graph(capturing: ConvNet(seed: 3), [z]), z),
    ] {
      try expectItsBits(Program(compiling: quantize(graph, calibration: [data])), compiler)
    }
  }

  @Test(arguments: CCompiler.all, [false, true])
  func aTransformerHasTheSameBitsInC(compiler: CCompiler, isCausal: Bool) throws {
    try expectItsBits(transformer(isCausal: isCausal), compiler)
  }

  /// Fused multiply-adds would round once where the program rounds twice: the file forbids them itself.
  @Test(arguments: CCompiler.all)
  func everyKindOfStepHasTheSameBitsInC(compiler: CCompiler) throws {
    let program = try EveryStep.program()
    try expectItsBits(program, compiler)
    #if arch(x86_64)
      if qk_cpu() & QK_AVX2.rawValue != 0 {
        try expectItsBits(program, compiler, ["-O3", "-mavx2", "-mfma"])
      }
    #endif
  }

  @Test(.enabled(if: CCompiler.all.first?.name == "gcc", "gcc is not here"))
  func sanitizersFindNothing() throws {
    let flags = ["-g", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"]
    try expectItsBits(EveryStep.program(), CCompiler.all[0], flags)
    try expectItsBits(convolutional(), CCompiler.all[0], flags)
  }

  @Test(.enabled(if: !CCompiler.all.isEmpty, "no C compiler is here"))
  func takesBytesWhereAskedTo() throws {
    let program = try convolutional()
    let quantize = try #require(program.instructions[0].step as? IntegerQuantize)
    let x = try samples(of: program)
    var bytes = Data(count: x.count)
    let floats = try x.channelsLast()
    try bytes.withUnsafeMutableBytes { raw in
      var address = UnsafeRawPointer(floats.floats)
      try quantize.run(
        batch: 6, &address, try #require(raw.baseAddress), scratch: try #require(raw.baseAddress))
    }
    let text = try CExport(program, prefix: "net", input: .u8).text()
    let y = try CCompiler.all[0].run(text, name: "net", inputType: "uint8_t", bytes)
    #expect(try y == data(program(x)))
    let source = String(decoding: text, as: UTF8.self)
    #expect(source.contains("#define NET_INPUT_ZERO_POINT \(quantize.params.zeroPoint)\n"))
    #expect(!source.contains("quantize_elements"))
  }

  @Test func tellsItsMemoryAndHoldsOnlyTheKernelsItNeeds() throws {
    let program = try convolutional()
    let text = String(decoding: try CExport(program, prefix: "net").text(), as: UTF8.self)
    let arena = try #require(text.firstMatch(of: /#define NET_ARENA_BYTES (\d+)/).flatMap { Int($0.1) })
    let weights = try #require(text.firstMatch(of: /#define NET_WEIGHT_BYTES (\d+)/).flatMap { Int($0.1) })
    #expect(text.contains("static uint8_t net_arena[\(arena)];"))
    #expect(arena <= program.arenaBytesPerSample + 8 * 9)
    // Weights are bytes; a bias and a multiplier of each of 8, 8 and 5 outputs, and no table.
    #expect(weights == 8 * 2 * 9 + 8 * 8 + 5 * 72 + 8 * (8 + 8 + 5))
    #expect(text.contains(" * Memory: \(arena) bytes static (working memory), \(weights) bytes constant"))
    #expect(text.contains("without -lm") && !text.contains("math.h>\n"))
    #expect(!text.contains("softmax") && !text.contains("depthwise") && !text.contains("qk_"))
    #expect(try Array(text.utf8) == CExport(program, prefix: "net").text())
  }

  @Test func saysWhereTheMathLibraryIsNeeded() throws {
    let text = String(
      decoding: try CExport(transformer(isCausal: false), prefix: "net").text(), as: UTF8.self)
    #expect(text.contains("with -lm (sqrt)") && text.contains("#include <math.h>\n"))
  }

  @Test(arguments: [
    ("model.c", "model"), ("/tmp/my-net.v2.c", "my_net_v2"), ("3d.c", "model_3d"), (".c", "model"),
    ("käse.c", "k__se"), ("_.c", "model"), ("net_.c", "model"),
  ]) func aFileGivesThePrefix(path: String, prefix: String) {
    #expect(CExport.prefix(forFile: path) == prefix)
  }

  @Test(arguments: ["", "3d", "a-b", "a b", "_a", "a_", "ä", String(repeating: "a", count: 65)])
  func refusesWhatIsNoName(prefix: String) throws {
    let error = #expect(throws: ShapeError.self) { try CExport(convolutional(), prefix: prefix) }
    #expect(error?.description.hasPrefix("export: '\(prefix)' cannot start the names of a C program") == true)
  }

  private final class Unknown: IntegerStep {
    static let kind = "riddle"
    let inputElements = [4], outputElements = 4
    init() {}
    init(from record: StepRecord) throws {}
    func encode(to record: inout StepRecord) {}
    func run(
      batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
      scratch: UnsafeMutableRawPointer
    ) throws {}
  }

  @Test func refusesAStepItDoesNotKnowByName() throws {
    let params = QuantParams(scale: 1, zeroPoint: 0)
    let steps: [any IntegerStep] = [
      IntegerQuantize(params, elements: 4), Unknown(), IntegerDequantize(params, elements: 4),
    ]
    let program = try Program(
      steps.enumerated().map { .init(name: "layer\($0)", step: $1, inputs: [$0], macs: 0) }, input: [4],
      output: [4], parameterCount: 0, nonZeroCount: 0)
    let error = #expect(throws: ShapeError.self) { try CExport(program, prefix: "net").text() }
    #expect(error?.description == "export: step 'layer1' (riddle) has no form in C")
  }

  /// The names of a file's layers may be anything.
  @Test(.enabled(if: !CCompiler.all.isEmpty, "no C compiler is here"))
  func noNameLeavesItsComment() throws {
    let params = QuantParams(scale: 0.1, zeroPoint: 7)
    let name = "*/ int x; /* ??/\n\\ \"äö"
    let program = try Program(
      [
        .init(name: name, step: IntegerQuantize(params, elements: 4), inputs: [0], macs: 0),
        .init(name: name, step: IntegerDequantize(params, elements: 4), inputs: [1], macs: 0),
      ], input: [4], output: [4], parameterCount: 0, nonZeroCount: 0)
    try expectItsBits(program, CCompiler.all[0])
  }

  @Test func refusesNumbersThatAreNone() throws {
    var parts = try EveryStep()
    parts.gain[3] = .infinity
    let program = try parts.program()
    let error = #expect(throws: ShapeError.self) { try CExport(program, prefix: "net").text() }
    #expect(error?.description.hasPrefix("export: step 'norm' (layer_norm): a number is not finite") == true)
  }
}
