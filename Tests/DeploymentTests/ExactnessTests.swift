import Compression
import Models
import Tensors
import TestSupport
import Testing

@testable import Deployment

@Suite struct ExactnessTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  private func sequences(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 6, 16], (0..<count * 96).map { _ in Float(generator.normal()) })
  }

  private func check(_ program: Program, _ graph: Graph, _ batches: Tensor...) throws -> Program.Agreement {
    var left = batches.makeIterator()
    return try program.assertExact(as: graph) { left.next().map { [$0] } }
  }

  private func convNet(seed: UInt64 = 3) throws -> Graph {
    let graph = try Graph(capturing: ConvNet(seed: seed), [images(2, seed: 1)])
    return try StaticQuantization()(graph, calibration: [images(64, seed: 2)])
  }

  @Test func aConvolutionalNetworkIsExactOnEveryInstructionSet() throws {
    let graph = try convNet()
    let agreement = try check(Program(compiling: graph), graph, images(37, seed: 4), images(5, seed: 5))
    #expect(agreement.instructionSets == Engine.runnableInstructionSets)
    #expect(agreement.instructionSets.first == "portable")
    #expect(agreement.samples == 42)
    // The input's bytes, three convolutions or sums with their relus, both poolings, the linear layer.
    #expect(agreement.elements > 42 * (128 + 8 * 64 + 8 * 16 + 8 * 9 + 5))
  }

  @Test func aTransformerIsExactOnEveryInstructionSet() throws {
    let float = try Graph(capturing: EncoderNet(seed: 3), [sequences(2, seed: 1)])
    let graph = try StaticQuantization()(float, calibration: [sequences(64, seed: 2)])
    #expect(try check(Program(compiling: graph), graph, sequences(19, seed: 4)).samples == 19)
  }

  @Test(arguments: [false, true])
  func aRecurrentNetworkIsExactOnEveryInstructionSet(bidirectional: Bool) throws {
    func sequences(_ count: Int, seed: UInt64) throws -> Tensor {
      var generator = Generator(seed: seed)
      return try Tensor([count, 7, 6], (0..<count * 42).map { _ in Float(generator.normal()) })
    }
    let float = try Graph(
      capturing: SequenceNet(seed: 3, bidirectional: bidirectional), [sequences(2, seed: 1)])
    let graph = try StaticQuantization()(float, calibration: [sequences(64, seed: 2)])
    #expect(try check(Program(compiling: graph), graph, sequences(35, seed: 4)).samples == 35)
  }

  @Test(arguments: QuantizationAwareTraining.Method.allCases)
  func whatWasTrainedIsExact(method: QuantizationAwareTraining.Method) throws {
    let aware = try QuantizationAwareTraining(method, activations: ActivationScheme(bits: 4))(
      Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)]))
    aware.setTraining(true)
    _ = try aware(images(16, seed: 3))
    aware.setTraining(false)
    let graph = try #require(try StaticQuantization()(trained: aware))
    #expect(try check(Program(compiling: graph), graph, images(33, seed: 4)).samples == 33)
  }

  @Test(arguments: [
    StaticQuantization(weights: WeightScheme(.integer(bits: 3)), activations: ActivationScheme(bits: 5)),
    StaticQuantization(weights: WeightScheme(.ternary, .tensor)),
    StaticQuantization(weights: WeightScheme(.binary)),
    StaticQuantization(
      weights: WeightScheme(powerOfTwo: true), activations: ActivationScheme(powerOfTwo: true)),
  ])
  func everySchemeIsExact(quantization: StaticQuantization) throws {
    let float = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let graph = try quantization(float, calibration: [images(64, seed: 2)])
    #expect(try check(Program(compiling: graph), graph, images(33, seed: 4)).samples == 33)
  }

  @Test func theFirstStepThatDiffersIsNamed() throws {
    let (graph, program) = (try convNet(), try Program(compiling: convNet()))
    let weight = try #require(graph.weights.last { $0.value.rank == 2 }).value
    weight.floats[0] += 0.5
    let error = #expect(throws: ShapeError.self) { try check(program, graph, images(3, seed: 4)) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("assert_exact: on portable, step 'linear' differs first at sample "))
    #expect(text.contains("the program"))
  }

  @Test func aGraphInFloatsIsRefused() throws {
    let float = try Graph(capturing: ConvNet(seed: 3), [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) {
      try check(Program(compiling: convNet()), float, images(3, seed: 4))
    }
    #expect(error?.description.contains("give the graph that qs.quantize answered") == true)
  }

  @Test func noDataIsRefused() throws {
    let graph = try convNet()
    let error = #expect(throws: ShapeError.self) { try check(Program(compiling: graph), graph) }
    #expect(error?.description == "assert_exact: there is no data; give some samples")
  }

  @Test func anUnknownInstructionSetIsRefused() throws {
    let graph = try convNet()
    let error = #expect(throws: ShapeError.self) {
      try Program(compiling: graph).assertExact(as: graph, instructionSets: ["mmx"]) { nil }
    }
    #expect(error?.description.contains("cannot run 'mmx' (it can run: portable") == true)
  }

  @Test func aThreadIsHeldToAnInstructionSetForAWhile() throws {
    let before = Engine.instructionSet
    let inside = try Engine.withInstructionSet("portable") { Engine.instructionSet }
    #expect(inside == "portable" && Engine.instructionSet == before)
  }
}
