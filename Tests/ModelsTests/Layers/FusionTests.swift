import Models
import Tensors
import Testing

@Suite struct FusionTests {
  private func network() throws -> Sequential {
    Random.reseed(3)
    return Sequential([
      try Conv2dLayer(2, 6, 3, padding: 1), Activation(.relu), try MaxPool2dLayer(2),
      try Conv2dLayer(6, 6, 3, padding: 1, bias: false), try BatchNormLayer(6), Activation(.relu),
      Residual(
        Sequential([try Conv2dLayer(6, 6, 1, bias: false), try BatchNormLayer(6)]),
        activation: Activation(.relu)),
      try Conv2dLayer(6, 16, 1), Activation(.relu), try Conv2dLayer(16, 16, 3, padding: 1), Activation(.relu),
      GlobalAvgPool2dLayer(), FlattenLayer(), try LinearLayer(16, 8), Activation(.relu),
      try LinearLayer(8, 5),
    ])
  }

  /// The result and every gradient and running statistic after one step forward and back.
  private func run(_ model: Module, watched: Bool) throws -> [[Float]] {
    if watched { for (_, module) in model.namedModules() { module.observers = [OutputObserver { _, _ in }] } }
    var generator = Generator(seed: 8)
    let x = try Tensor([3, 2, 8, 8], (0..<384).map { _ in Float(generator.normal()) })
    let y = try model(x)
    try Sum(axes: [0, 1])(Square()(y)).backward()
    return try [y.array(Float.self)]
      + model.namedParameters().map { try ($0.parameter.value.grad ?? $0.parameter.value).array(Float.self) }
  }

  @Test(arguments: [true, false])
  func layersComputedTogetherGiveTheSameBits(training: Bool) throws {
    let (fused, single) = (try network(), try network())
    for model in [fused, single] { model.setTraining(training) }
    #expect(try run(fused, watched: false) == run(single, watched: true))
  }

  @Test func aWatchedLayerShowsItsOwnResult() throws {
    let model = try network()
    var lowest: Float = 1
    model.children[4].module.observers = [
      OutputObserver { _, y in lowest = try y.array(Float.self).min() ?? 1 }
    ]
    _ = try run(model, watched: false)
    #expect(lowest < 0, "relu was computed with it")
  }

  @Test func aCapturedGraphHoldsTheSingleLayersAndComputesTheSame() throws {
    let model = try network()
    let x = try Tensor([3, 2, 8, 8], (0..<384).map { Float($0 % 13) / 6 - 1 })
    let graph = try Graph(capturing: model, [x])
    let ops = graph.order.compactMap { graph.operation($0)?.op }
    #expect(ops.compactMap { $0 as? Relu }.count == 6)
    #expect(ops.allSatisfy { ($0 as? BatchNorm)?.relu != true && ($0 as? MaxPool2d)?.relu != true })
    #expect(ops.allSatisfy { ($0 as? Conv2d)?.relu != true && ($0 as? Linear)?.relu != true })
    for training in [false, true] {
      model.setTraining(training)
      graph.setTraining(training)
      let expected = try model(x).array(Float.self)
      #expect(try graph(x).array(Float.self) == expected)
      #expect(try graph.replay([x])[0].array(Float.self) == expected)
    }
  }

  /// Sizes whose convolutions may take batch norm, a sum and relu along.
  @Test(arguments: [true, false]) func evaluationWithoutGradientsGivesTheSameBits(watched: Bool) throws {
    Random.reseed(4)
    func block(_ inputs: Int, _ outputs: Int) throws -> [Module] {
      [try Conv2dLayer(inputs, outputs, 3, padding: 1, bias: inputs == 16), try BatchNormLayer(outputs)]
    }
    let model = Sequential(
      try block(3, 16) + [Activation(.relu)] + block(16, 32) + [Activation(.relu), try MaxPool2dLayer(2)]
        + block(32, 32) + [
          Residual(
            Sequential(try block(32, 32) + [Activation(.relu)] + block(32, 32)), activation: Activation(.relu)
          ),
          Residual(Sequential(try block(32, 32)), shortcut: try Conv2dLayer(32, 32, 1)),
        ])
    let x = try Tensor([2, 3, 9, 10], (0..<540).map { Float($0 * 7 % 23) / 8 - 1 })
    _ = try model(x)  // moves the running statistics
    model.setTraining(false)
    let single = try model(x).array(Float.self)  // with gradients wanted, the norms stand alone
    if watched { for (_, module) in model.namedModules() { module.observers = [OutputObserver { _, _ in }] } }
    #expect(try Tape.withoutGradients { try model(x).array(Float.self) } == single)
  }

  @Test func layersThatDoNotFitAreNamedInEvaluationToo() throws {
    let model = Sequential([try Conv2dLayer(16, 16, 3), try BatchNormLayer(16), Activation(.relu)])
    model.setTraining(false)
    let error = #expect(throws: LayerError.self) {
      try Tape.withoutGradients { try model(Tensor.ones([1, 8, 4, 4])) }
    }
    #expect(error?.path == "0")
  }

  @Test func whatIsNotANumberShowsBehindRelu() throws {
    for layers in [
      [try Conv2dLayer(3, 8, 3), Activation(.relu)], [try Conv2dLayer(16, 16, 3), Activation(.relu)],
      [FlattenLayer(), try LinearLayer(16 * 36, 90), Activation(.relu)],
    ] {
      let inputs = (layers[0] as? Conv2dLayer)?.weight.value.shape[1] ?? 16
      let x = try Tensor.full([1, inputs, 6, 6], Double.nan, .f32)
      #expect(try Sequential(layers)(x).array(Float.self).allSatisfy { $0.isNaN })
    }
  }

  @Test func anErrorNamesTheLayer() throws {
    let model = Sequential([try BatchNormLayer(3), Activation(.relu)])
    let error = #expect(throws: LayerError.self) { try model(Tensor.ones([1, 2, 4, 4])) }
    #expect(error?.path == "0")
  }
}
