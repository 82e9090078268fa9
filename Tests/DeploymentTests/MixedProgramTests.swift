import Models
import Tensors
import TestSupport
import Testing

@testable import Compression
@testable import Deployment

/// Programs some of whose steps are no integer ones: the bits of the graph all the same.
@Suite struct MixedProgramTests {
  private func normal(_ shape: Shape, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
  }

  private func expectSameBits(_ graph: Graph, _ inputs: [Tensor]) throws {
    let expected = try Tape.withoutGradients { try graph.replay(inputs) }
    let results = try Program(compiling: graph)(inputs)
    #expect(results.count == expected.count)
    for (a, b) in zip(results, expected) {
      #expect(a.shape == b.shape)
      #expect(try a.array(Float.self) == b.array(Float.self))
    }
  }

  @Test(arguments: [
    ["conv2d"], ["linear"], ["conv2d", "linear"], ["conv2d_2"], ["add"], ["avg_pool2d"],
    ["max_pool2d", "relu_2"],
    ["conv*"], ["reshape", "conv2d"],
  ])
  func layersOfAConvolutionalNetworkInFloat(names: [String]) throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [normal([2, 2, 8, 8], seed: 1)])
    let rules = LayerRules(Dictionary(uniqueKeysWithValues: names.map { ($0, LayerRules.Choice.float) }))
    let mixed = try StaticQuantization(layers: rules)(graph, calibration: [normal([64, 2, 8, 8], seed: 2)])
    for batch in [1, 7, 40] { try expectSameBits(mixed, [normal([batch, 2, 8, 8], seed: 4)]) }
    #expect(try Program(compiling: mixed).isMixed)
  }

  @Test(arguments: [["attention"], ["first"], ["*softmax*"], ["norms"]])
  func layersOfATransformerInFloat(names: [String]) throws {
    let graph = try Graph(capturing: EncoderNet(seed: 3), [normal([2, 6, 16], seed: 1)])
    let rules = LayerRules(Dictionary(uniqueKeysWithValues: names.map { ($0, LayerRules.Choice.float) }))
    let mixed = try StaticQuantization(layers: rules)(graph, calibration: [normal([64, 6, 16], seed: 2)])
    try expectSameBits(mixed, [normal([9, 6, 16], seed: 4)])
  }

  static let schemes: [(WeightScheme, WeightQuantization.Activations)] = [
    (WeightScheme(), .float), (WeightScheme(), .dynamic),
    (WeightScheme(.integer(bits: 4), .group(16)), .float),
    (WeightScheme(.integer(bits: 4), .group(16), isSymmetric: false), .dynamic),
    (WeightScheme(.integer(bits: 3), .group(16)), .dynamic), (WeightScheme(.integer(bits: 2)), .float),
    (WeightScheme(.ternary), .dynamic), (WeightScheme(.binary), .float),
  ]

  @Test(arguments: schemes.indices)
  func weightsOfFewBits(index: Int) throws {
    let (weights, activations) = Self.schemes[index]
    for net in [try EncoderNet(seed: 3), try EncoderNet(seed: 4, isCausal: true)] {
      let graph = try Graph(capturing: net, [normal([2, 6, 16], seed: 1)])
      let low = try WeightQuantization(weights: weights, activations: activations)(graph)
      try expectSameBits(low, [normal([9, 6, 16], seed: 4)])
    }
  }

  /// One after the other: integers, and what they left in float with weights of few bits.
  @Test func schemesMayFollowEachOther() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [normal([2, 2, 8, 8], seed: 1)])
    let static8 = try StaticQuantization(layers: ["linear": .float])(
      graph, calibration: [normal([64, 2, 8, 8], seed: 2)])
    let both = try WeightQuantization(weights: WeightScheme(.integer(bits: 4)), activations: .float)(static8)
    #expect(both.order.contains { both.operation($0)?.op is LowBitLinear })
    #expect(both.order.contains { both.operation($0)?.op is QuantizedConv2d })
    try expectSameBits(both, [normal([5, 2, 8, 8], seed: 4)])
  }

  @Test func severalInputsAndResults() throws {
    let low = try WeightQuantization(activations: .dynamic)(Self.lookup())
    let ids = try Tensor([2, 5], (0..<10).map { Int64($0) })
    let mask = try normal([2, 5, 1], seed: 2)
    try expectSameBits(low, [ids, mask])
    let program = try Program(compiling: low)
    #expect(
      program.inputs.map(\.dtype) == [.i64, .f32] && program.outputs.map(\.name) == ["sum", "weighted"])
    var batches = [[ids, mask]].makeIterator()
    #expect(try program.assertExact(as: low) { batches.next() }.samples == 2)
    let error = #expect(throws: ShapeError.self) { try program([ids]) }
    #expect(error?.description == "program: takes 2 inputs, got 1")
    let wrong = #expect(throws: ShapeError.self) { try program([ids, ids]) }
    #expect(wrong?.description == "program: takes f32 [N, 5, 1] for 'input_2', got i64 [2, 5]")
  }

  @Test func openDimensionsMayHaveAnyExtent() throws {
    let graph = try Self.lookup()
    try graph.open([["batch", "length"], ["batch", "length", nil]])
    let low = try WeightQuantization(weights: WeightScheme(.integer(bits: 4)), activations: .float)(graph)
    for length in [1, 8] {
      let ids = try Tensor([3, length], (0..<3 * length).map { Int64($0 % 11) })
      try expectSameBits(low, [ids, normal([3, length, 1], seed: 2)])
    }
  }

  /// Token numbers [N, T] and weights [N, T, 1]: rows of a table, a linear layer, and their weighted sum; two results.
  static func lookup() throws -> Graph {
    final class Lookup: Module {
      let table = try! EmbeddingLayer(12, 32)
      let linear = try! LinearLayer(32, 6)
      init() {
        super.init(kind: "lookup")
        register("table", table)
        register("linear", linear)
      }
      override func forward(_ t: [Tensor]) throws -> Tensor {
        try Sum(axes: [1])(Mul()(Gelu(.none)(linear(table(t[0]))), t[1]))
      }
    }
    Random.reseed(5)
    let ids = try Tensor([2, 5], (0..<10).map { Int64($0) })
    let graph = try Graph(capturing: Lookup(), [ids, Tensor.ones([2, 5, 1])])
    let weighted = graph.operation(graph.output)!.inputs[0]
    graph.setOutputs([graph.output, weighted], names: ["sum", "weighted"])
    return graph
  }

  @Test func areExactOnEveryInstructionSet() throws {
    let float = try Graph(capturing: EncoderNet(seed: 3), [normal([2, 6, 16], seed: 1)])
    for graph in [
      try WeightQuantization(weights: WeightScheme(.integer(bits: 4), .group(16)), activations: .dynamic)(
        float),
      try StaticQuantization(layers: ["attention": .float])(
        float, calibration: [normal([64, 6, 16], seed: 2)]),
    ] {
      let program = try Program(compiling: graph)
      var batches = [try normal([5, 6, 16], seed: 4)].makeIterator()
      let agreement = try program.assertExact(as: graph) { batches.next().map { [$0] } }
      #expect(agreement.samples == 5 && agreement.elements > 5 * 96 * 10)
      let weight = try #require(graph.weights.last { $0.value.rank == 2 }).value
      for i in 0..<weight.count { weight.floats[i] += 0.5 }
      var again = [try normal([5, 6, 16], seed: 4)].makeIterator()
      let error = #expect(throws: ShapeError.self) {
        try program.assertExact(as: graph) { again.next().map { [$0] } }
      }
      #expect(error?.description.contains("differs first at element") == true)
    }
  }

  @Test func areMeasuredStepByStep() throws {
    let low = try WeightQuantization(
      weights: WeightScheme(.integer(bits: 4), .group(16)), activations: .float)(
        Self.lookup())
    let program = try Program(compiling: low)
    let ids = try Tensor([2, 5], (0..<10).map { Int64($0) })
    let profile = try program.profile([ids, Tensor.ones([2, 5, 1])], budget: 0.01)
    #expect(
      profile.layers.map(\.kind) == [
        "low_bit_embedding, 4 bits in groups of 16", "low_bit_linear, 4 bits in groups of 16", "float, gelu",
        "float, mul", "float, sum",
      ])
    #expect(profile.layers.allSatisfy { $0.seconds > 0 })
    #expect(try program.benchmark(batch: 3, threads: 1, budget: 0.01).median > 0)
  }

  @Test func haveNoFormInC() throws {
    let graph = try Graph(capturing: ConvNet(seed: 3), [normal([2, 2, 8, 8], seed: 1)])
    let mixed = try StaticQuantization(layers: ["linear": .float])(
      graph, calibration: [normal([8, 2, 8, 8], seed: 2)])
    let error = #expect(throws: ShapeError.self) {
      try CExport(Program(compiling: mixed), prefix: "net").text()
    }
    #expect(error?.description.contains("step 'linear' (float, linear)") == true)
  }

  @Test func namesAnOpThatAProgramDoesNotKnow() throws {
    final class Odd: Module {
      let linear = try! LinearLayer(4, 4)
      init() {
        super.init(kind: "odd")
        register("linear", linear)
      }
      override func forward(_ t: [Tensor]) throws -> Tensor { try Prod(axes: [1])(linear(t[0])) }
    }
    let graph = try Graph(capturing: Odd(), [normal([2, 4], seed: 1)])
    let low = try WeightQuantization(activations: .float)(graph)
    let error = #expect(throws: ShapeError.self) { try Program(compiling: low) }
    #expect(error?.description.contains("node 'prod' (prod) has no form in a program") == true)
  }
}
