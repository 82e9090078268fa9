import Compression
import Models
import Tensors
import TestSupport
import Testing

@testable import Deployment

@Suite struct ProgramTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  @Test(arguments: [1, 2, 31, 32, 33, 100])
  func givesTheBitsOfTheQuantizedGraph(batch: Int) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [images(64, seed: 2)])
    let program = try Program(compiling: int8)
    let x = try images(batch, seed: 4)
    let expected = try Tape.withoutGradients { try int8(x).array(Float.self) }
    #expect(try program(x).array(Float.self) == expected)
  }

  @Test(arguments: [1, 2, 3])
  func givesTheSameBitsOnAnyNumberOfThreads(threads: Int) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let program = try Program(compiling: StaticQuantization()(graph, calibration: [images(64, seed: 2)]))
    let x = try images(70, seed: 4).channelsLast()
    let (expected, y) = (try program(x), try Tensor(undefined: [70, 5], .f32))
    try program.prepare(batch: 70, threads: threads)
    try program.run(batch: 70, x.floats, y.floats, threads: threads)
    #expect(try y.array(Float.self) == expected.array(Float.self))
  }

  @Test func readsAnImageInFrontOfALinearLayerInPlace() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [images(8, seed: 2)])
    #expect(int8.order.contains { int8.operation($0)?.op is QuantizedFlatten })
    let kinds = try Program(compiling: int8).instructions.map { type(of: $0.step).kind }
    #expect(!kinds.contains("flatten") && kinds.contains("linear"))
  }

  @Test(arguments: [false, true])
  func givesTheBitsOfAQuantizedTransformer(isCausal: Bool) throws {
    func sequences(_ count: Int, seed: UInt64) throws -> Tensor {
      var generator = Generator(seed: seed)
      return try Tensor([count, 6, 16], (0..<count * 96).map { _ in Float(generator.normal()) })
    }
    let graph = try Graph(capturing: EncoderNet(seed: 3, isCausal: isCausal), [sequences(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [sequences(64, seed: 2)])
    let x = try sequences(37, seed: 4)
    let expected = try Tape.withoutGradients { try int8(x).array(Float.self) }
    #expect(try Program(compiling: int8)(x).array(Float.self) == expected)
  }

  @Test func countsWhatItHolds() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let int8 = try StaticQuantization()(graph, calibration: [images(8, seed: 2)])
    let program = try Program(compiling: int8)
    #expect(program.macs == 8 * 2 * 9 * 64 + 8 * 8 * 16 + 5 * 72)
    #expect(program.parameterCount == 8 * 2 * 9 + 8 + 8 * 8 + 5 * 72 + 5)
    #expect(program.arenaBytesPerSample < 2 * 8 * 64 + 512)
  }

  @Test func refusesAnotherShape() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let program = try Program(compiling: StaticQuantization()(graph, calibration: [images(8, seed: 2)]))
    let error = #expect(throws: ShapeError.self) { try program(Tensor([1, 2], [Float(1), 2])) }
    #expect(error?.description == "program: takes f32 [N, 2, 8, 8], got f32 [1, 2]")
  }

  @Test func explainsThatAFloatGraphMustBeQuantizedFirst() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) { try Program(compiling: graph) }
    #expect(error?.description.contains("quantize the graph first") == true)
  }
}
