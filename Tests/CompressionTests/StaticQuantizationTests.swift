import Models
import Tensors
import TestSupport
import Testing

@testable import Compression

@Suite struct StaticQuantizationTests {
  private func images(_ count: Int, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor([count, 2, 8, 8], (0..<count * 128).map { _ in Float(generator.normal()) })
  }

  private func quantized(_ model: Module) throws -> (float: Graph, int8: Graph) {
    let graph = try Graph(capturing: model, [images(2, seed: 1)])
    graph.setTraining(false)
    return (graph, try StaticQuantization()(graph, calibration: [images(64, seed: 2)]))
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func staysCloseToTheFloatGraph(seed: UInt64) throws {
    let (float, int8) = try quantized(ConvNet(seed: seed))
    let x = try images(64, seed: 3)
    let (y, q) = try Tape.withoutGradients { (try float(x).doubles(), try int8(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    let noise = zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(signal / noise > 1000, "signal to noise \(signal / noise)")
    #expect(noise > 0, "nothing was quantized")
  }

  @Test func turnsEveryNodeIntoAnIntegerOp() throws {
    let (_, int8) = try quantized(ConvNet(seed: 1))
    let ops = int8.order.compactMap { int8.operation($0)?.op }
    #expect(ops.allSatisfy { $0 is any QuantizedOp })
    #expect(
      ops.map(\.name) == [
        "quantize_linear", "quantized_conv2d", "quantized_pool2d", "quantized_conv2d", "quantized_add",
        "quantized_pool2d", "quantized_flatten", "quantized_linear",
      ])
  }

  @Test func leavesTheModelAsItWas() throws {
    let model = try ConvNet(seed: 1)
    let before = try model.namedParameters().map { try $0.parameter.value.array(Float.self) }
    let (_, int8) = try quantized(model)
    for weight in int8.weights { weight.value.fill(0) }
    #expect(try model.namedParameters().map { try $0.parameter.value.array(Float.self) } == before)
  }

  @Test func keepsPrunedWeightsZero() throws {
    let model = try ConvNet(seed: 1)
    _ = try MagnitudePruning.apply(to: model, sparsity: 0.5)
    let (_, int8) = try quantized(model)
    let masked = int8.weights.compactMap { weight in weight.constraint(Mask.self).map { ($0, weight) } }
    #expect(masked.count == 3)
    for (mask, weight) in masked {
      try mask.check(weight.value)
      #expect(weight.constraint(WeightQuantizer.self) != nil)
    }
  }

  @Test func passesGradientsStraightThrough() throws {
    let (float, int8) = try quantized(ConvNet(seed: 1))
    let x = try images(8, seed: 3)
    func gradient(_ graph: Graph) throws -> [Double] {
      let input = x.detached()
      input.requiresGrad = true
      try Sum(axes: [0, 1])(graph(input)).backward()
      return try #require(input.grad).doubles()
    }
    let (a, b) = (try gradient(float), try gradient(int8))
    let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    let norms = (a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }).squareRoot()
    #expect(dot / norms > 0.98, "cosine of the gradients \(dot / norms)")
  }

  @Test func layersMayHaveASchemeOfTheirOwn() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    let quantize = StaticQuantization(
      weights: WeightScheme(.integer(bits: 4)),
      layers: ["conv2d": .weights(WeightScheme()), "lin*": .weights(WeightScheme(.ternary))])
    let graph4 = try quantize(graph, calibration: [images(64, seed: 2)])
    let bits = graph4.order.compactMap { id -> String? in
      guard let (_, reads) = graph4.operation(id), reads.count > 1,
        let quantizer = graph4.leaf(reads[1])?.constraint(WeightQuantizer.self)
      else { return nil }
      return "\(graph4[id].name) \(quantizer.highest)"
    }
    #expect(bits == ["conv2d 127", "conv2d_2 7", "linear 1"])
  }

  @Test func namesALayerThatIsNotThere() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) {
      try StaticQuantization(layers: ["conv3": .weights(WeightScheme())])(
        graph, calibration: [images(8, seed: 2)])
    }
    #expect(
      error?.description
        == "quantize: no layer is called 'conv3'; there are 'conv2d', 'conv2d_2', 'linear'")
  }

  /// An algorithm that chose codes of its own put their numbers into the weight, and its grid beside it.
  @Test func weightsOnAGridKeepIt() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    let scheme = WeightScheme(.integer(bits: 4))
    let head = try #require(graph.weights.last { $0.value.rank == 2 })
    let grid = WeightQuantizer(scales: [0.5, 0.25, 0.1, 0.2, 0.3], lowest: -7, highest: 7)
    let moved = try head.replaced(by: grid.dequantized(head.value))
    try moved.constrain(grid)
    for id in graph.order where graph.leaf(id) === head { graph[id].kind = .leaf(moved) }
    let quantized = try StaticQuantization(weights: scheme)(graph, calibration: [images(8, seed: 2)])
    #expect(quantized.weights.contains { $0.constraint(WeightQuantizer.self) == grid })
  }

  @Test func namesTheChannelThatIsNotFinite() throws {
    let model = try ConvNet(seed: 1)
    model.namedParameters()[0].parameter.value.floats[18 * 3 + 1] = .infinity
    let graph = try Graph(capturing: model, [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) {
      try StaticQuantization()(graph, calibration: [images(8, seed: 2)])
    }
    #expect(error?.description.contains("NaN") == true || error?.description.contains("channel 4") == true)
  }

  @Test func namesWhatHasNoIntegerForm() throws {
    final class Odd: Module {
      init() { super.init(kind: "odd") }
      override func forward(_ t: [Tensor]) throws -> Tensor { try Sum(axes: [1])(t[0]) }
    }
    let graph = try Graph(capturing: Odd(), [Tensor([1, 2], [Float(1), 2])])
    let error = #expect(throws: ShapeError.self) {
      try StaticQuantization()(graph, calibration: [Tensor([1, 2], [Float(1), 2])])
    }
    #expect(error?.description.hasPrefix("quantize: node 'sum' (sum) has no int8 form") == true)
  }

  @Test func layersLeftInFloatHaveConversionsAboutThem() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    graph.setTraining(false)
    let quantize = StaticQuantization(layers: ["conv2d": .float, "add": .float])
    let mixed = try quantize(graph, calibration: [images(64, seed: 2)])
    #expect(
      mixed.order.compactMap { mixed.operation($0)?.op.name } == [
        // The first convolution takes its relu along; the pooling behind moves floats as they are.
        "conv2d", "relu", "max_pool2d", "quantize_linear", "quantized_conv2d", "add", "relu",
        "quantize_linear",
        "quantized_pool2d", "quantized_flatten", "quantized_linear",
      ])
    let x = try images(16, seed: 3)
    let (y, q) = try Tape.withoutGradients { (try graph(x).doubles(), try mixed(x).doubles()) }
    let signal = y.reduce(0) { $0 + $1 * $1 }
    #expect(signal / zip(y, q).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } > 1000)
  }

  @Test func opsWithoutAnIntegerFormMayStayInFloat() throws {
    let graph = try Graph(capturing: Odd(), [images(2, seed: 1)])
    let refusal = #expect(throws: ShapeError.self) {
      try StaticQuantization()(graph, calibration: [images(8, seed: 2)])
    }
    #expect(
      refusal?.description
        == "quantize: node 'abs' (abs) has no int8 form; leave it in f32 with unsupported = \"float\" or layers = "
        + "{[\"abs\"] = \"float\"}, or keep it out of the model you quantize")
    let mixed = try StaticQuantization(unsupported: .float)(graph, calibration: [images(8, seed: 2)])
    let names = mixed.order.compactMap { mixed.operation($0)?.op.name }
    #expect(
      names == [
        "quantize_linear", "quantized_conv2d", "abs", "quantize_linear", "quantized_conv2d",
        "quantized_flatten",
        "dequantize_linear",
      ])
  }

  @Test func saysThatNothingIsLeftToQuantize() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(2, seed: 1)])
    let error = #expect(throws: ShapeError.self) {
      try StaticQuantization(layers: ["*": .float])(graph, calibration: [images(8, seed: 2)])
    }
    #expect(error?.description == "quantize: nothing is left to quantize: every node stays in f32")
  }

  @Test func namesTheNodeWhoseValuesAreInfinite() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(1, seed: 1)])
    let x = try images(4, seed: 1)
    x.floats[5] = .infinity
    let error = #expect(throws: ShapeError.self) { try StaticQuantization()(graph, calibration: [x]) }
    #expect(
      error?.description.hasPrefix("quantize: node 'input': an activation [4, 2, 8, 8] holds 0 NaN and 1 inf")
        == true)
    #expect(
      error?.description.contains("check the model in fp32 and the range of the calibration data") == true)
  }

  @Test func refusesAnEmptyCalibration() throws {
    let graph = try Graph(capturing: ConvNet(seed: 1), [images(1, seed: 1)])
    let error = #expect(throws: ShapeError.self) { try StaticQuantization()(graph, calibration: []) }
    #expect(error?.description.hasPrefix("quantize: there is no calibration data") == true)
  }
}

/// Two convolutions with an op between them that has no integer form.
private final class Odd: Module {
  private let first = Parameter(try! Tensor([2, 2, 1, 1], [Float(0.5), -0.25, 0.125, 1]))

  init() {
    super.init(kind: "odd")
    register("first", first)
  }

  override func forward(_ t: [Tensor]) throws -> Tensor {
    let x = try Abs()(Conv2d()(t[0], first.value))
    return try Flatten()(Conv2d(padding: 1)(x, first.value))
  }
}
