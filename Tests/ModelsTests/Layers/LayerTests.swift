import Tensors
import Testing

@testable import Models

@Suite struct LayerTests {
  @Test func haveThePyTorchNames() throws {
    let model = Sequential([
      try Conv2dLayer(1, 4, 3, padding: 1), try BatchNormLayer(4), Activation(.relu), try MaxPool2dLayer(2),
      FlattenLayer(), try LinearLayer(64, 10),
    ])
    #expect(
      model.namedParameters().map(\.path) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "5.weight", "5.bias",
      ])
    #expect(model.parameterCount == 4 * 9 + 4 + 4 + 4 + 640 + 10)
    #expect(try model(.ones([2, 1, 8, 8])).shape == [2, 10])
  }

  @Test func printAsATree() throws {
    let model = Sequential([
      try Conv2dLayer(
        4, 8, Size2d(3, 5), stride: 2, padding: Padding2d(Size2d(1, 2)), dilation: 2, groups: 4, bias: false),
      try AvgPool2dLayer(3, stride: 1, countIncludePad: false),
      Residual(try BatchNormLayer(8, epsilon: 0.001), activation: Activation(.hardswish)),
      try DropoutLayer(0.25), try LayerNormLayer([2, 3]), try EmbeddingLayer(7, 3), GlobalAvgPool2dLayer(),
    ])
    #expect(
      model.description == """
        sequential(
          (0): conv2d(4, 8, {3, 5}, {stride = 2, padding = {1, 2}, dilation = 2, groups = 4, bias = false})
          (1): avg_pool2d(3, {stride = 1, count_include_pad = false})
          (2): residual(
            (body): batch_norm2d(8, {eps = 0.001})
            (activation): hardswish()
          )
          (3): dropout(0.25)
          (4): layer_norm({2, 3})
          (5): embedding(7, 3)
          (6): global_avg_pool2d()
        )
        """)
  }

  /// Expected numbers computed with PyTorch 2.
  @Test func instanceNormTracksStatisticsAsPyTorchDoes() throws {
    let layer = try InstanceNormLayer(2, trackRunningStatistics: true, momentum: 0.3)
    let x = try Tensor([2, 2, 2, 3], (0..<24).map { Float($0 * 7 % 11 - 5) })
    _ = try layer(x)
    _ = try layer(x * 2)
    let buffers = try layer.namedParameters().map { ($0.path, try $0.parameter.value.doubles()) }
    #expect(buffers.map(\.0) == ["running_mean", "running_var"])
    for (values, truth) in zip(buffers.map(\.1), [[0.3375, -0.54], [17.1515, 16.893]]) {
      #expect(zip(values, truth).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    layer.setTraining(false)
    let expected = [-1.288803502, 0.401430599, -0.564417459, 1.125816643, 0.159968585, -0.805879473]
    #expect(try zip(layer(x).doubles(), expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(layer.description == "instance_norm2d(2, {track_running_stats = true, momentum = 0.3})")
  }

  @Test func aGraphOfTrackedInstanceNormKeepsItsStatisticsInTraining() throws {
    let layer = try InstanceNormLayer(2, trackRunningStatistics: true)
    let x = try Tensor([2, 2, 2, 3], (0..<24).map { Float($0 * 7 % 11 - 5) })
    _ = try layer(x)
    layer.setTraining(false)
    let expected = try layer(x).doubles()
    let graph = try Graph(capturing: layer, [x])
    graph.setTraining(true)
    #expect(try graph(x).doubles() == expected)
  }

  @Test func theRestPrintTheirArguments() throws {
    let layers: [Module] = [
      try Conv1dLayer(4, 8, 3, stride: 2, padding: 1, bias: false),
      try ConvTranspose1dLayer(4, 8, 3, groups: 2),
      try ConvTranspose2dLayer(4, 8, 3, stride: 2, outputPadding: 1),
      try GroupNormLayer(groups: 2, 4, affine: false),
      try InstanceNormLayer(4, affine: true), try InstanceNormLayer(4, dimensions: 1),
      try BatchNormLayer(4, dimensions: 1), try PReluLayer(), try PReluLayer(4, initial: 0.1),
      UpsampleLayer(.scale([2]), mode: .bilinear, alignCorners: true), UpsampleLayer(.size([4, 6])),
      try Pad2dLayer(1, mode: .reflect), try MaxPool1dLayer(3, stride: 2), try AvgPool1dLayer(3, padding: 1),
      try EmbeddingLayer(7, 3, isSparse: true),
    ]
    #expect(
      layers.map(\.description) == [
        "conv1d(4, 8, 3, {stride = 2, padding = 1, bias = false})", "conv_transpose1d(4, 8, 3, {groups = 2})",
        "conv_transpose2d(4, 8, 3, {stride = 2, output_padding = 1})", "group_norm(2, 4, {affine = false})",
        "instance_norm2d(4, {affine = true})", "instance_norm1d(4)", "batch_norm1d(4)", "prelu()",
        "prelu(4, {init = 0.1})", "upsample({scale_factor = 2.0, mode = \"bilinear\", align_corners = true})",
        "upsample({size = {4, 6}})", "reflection_pad2d(1)", "max_pool1d(3, {stride = 2})",
        "avg_pool1d(3, {padding = 1})", "embedding(7, 3, {sparse = true})",
      ])
  }

  /// A network that makes an image larger, and one over sequences: captured, they compute the same and train.
  @Test func imageAndSequenceNetworksAreCapturedAndTrain() throws {
    Random.reseed(3)
    let image = Sequential([
      try Conv2dLayer(2, 4, 3, padding: 1), try GroupNormLayer(groups: 2, 4), try PReluLayer(4),
      try ConvTranspose2dLayer(4, 3, 4, stride: 2, padding: 1), try InstanceNormLayer(3, affine: true),
      UpsampleLayer(.scale([2]), mode: .bilinear), try Pad2dLayer(1, mode: .replicate),
    ])
    let sequence = Sequential([
      try Conv1dLayer(2, 4, 3), try BatchNormLayer(4, dimensions: 1), try PReluLayer(), try MaxPool1dLayer(2),
      try ConvTranspose1dLayer(4, 2, 3, stride: 2), try AvgPool1dLayer(2), UpsampleLayer(.size([9])),
    ])
    for (model, input, output) in [
      (image, [2, 2, 4, 4], [2, 3, 18, 18]), (sequence, [3, 2, 10], [3, 2, 9]),
    ] as [(Module, Shape, Shape)] {
      let x = try Tensor(input, (0..<input.elements).map { Float($0 * 7 % 11) / 11 })
      let graph = try Graph(capturing: model, [x])
      model.setTraining(false)
      graph.setTraining(false)
      let y = try model(x)
      #expect(y.shape == output)
      #expect(try graph(x).doubles() == y.doubles())
      #expect(try graph.macs().values.reduce(0, +) > 0)
      try y.square().sum().backward()
      #expect(model.weights.allSatisfy { $0.value.grad?.shape == $0.value.shape })
    }
  }

  @Test func layersOfOneKindOfInputRefuseTheOther() throws {
    func message(_ layer: Module, _ x: Shape) throws -> String {
      (#expect(throws: LayerError.self) { try layer(.ones(x)) })?.description ?? ""
    }
    #expect(
      try message(BatchNormLayer(3, dimensions: 1), [2, 3, 4, 4])
        == "in layer batch_norm1d: batch_norm1d: input must be [N, C] or [N, C, L], got [2, 3, 4, 4]")
    #expect(
      try message(InstanceNormLayer(3), [2, 4, 4, 4])
        == "in layer instance_norm2d: instance_norm2d: input [2, 4, 4, 4] must have 3 channels, as [N, C, ...]"
    )
    #expect(
      try message(PReluLayer(3), [2, 4, 5])
        == "in layer prelu: prelu: slope [3] must have one element, or one for each channel of input [2, 4, 5]"
    )
  }

  @Test func attentionIsItsFormula() throws {
    let layer = try MultiHeadAttention(4, heads: 2, isCausal: true)
    #expect(layer.description.contains("(out): linear(4, 4)"))
    let x = try Tensor([2, 3, 4], (0..<24).map { Float($0 % 7) / 7 })
    let weights = Dictionary(
      uniqueKeysWithValues: layer.namedParameters().map { ($0.path, $0.parameter.value) })
    func project(_ name: String, _ x: Tensor) throws -> Tensor {
      try Linear().apply([x, #require(weights["\(name).weight"]), #require(weights["\(name).bias"])])
    }
    let attended = try Attention(heads: 2, isCausal: true)(project("q", x), project("k", x), project("v", x))
    #expect(try layer(x).array(Float.self) == project("out", attended).array(Float.self))
  }

  @Test func startWithinPyTorchsBounds() throws {
    Random.reseed(1)
    let layer = try Conv2dLayer(8, 64, 3, groups: 2)
    let bound = Float(1 / (4.0 * 9).squareRoot())
    for values in [try layer.weight.value.array(Float.self), try layer.bias!.value.array(Float.self)] {
      let most = values.map(abs).max()!
      #expect(most <= bound && most > 0.9 * bound)
    }
    let table = try EmbeddingLayer(100, 100).weight.value.doubles()
    let variance = table.reduce(0) { $0 + $1 * $1 } / 10_000
    #expect(abs(variance - 1) < 0.05)
  }

  @Test func startAlikeFromTheSameSeed() throws {
    func draw() throws -> [Float] {
      Random.reseed(4)
      return try LinearLayer(5, 3).weight.value.array(Float.self)
    }
    #expect(try draw() == draw())
  }

  @Test func dropoutAndBatchNormFollowTheMode() throws {
    let (dropout, norm) = (try DropoutLayer(0.5), try BatchNormLayer(2))
    let x = try Tensor([4, 2], [Float(1), 2, 3, 4, 5, 6, 7, 8])
    _ = try norm(x)
    #expect(try norm.runningMean.value.array(Float.self) != [0, 0])
    for layer in [dropout, norm] as [Module] { layer.setTraining(false) }
    #expect(try dropout(x).array(Float.self) == x.array(Float.self))
    let before = try norm.runningMean.value.array(Float.self)
    _ = try norm(x)
    #expect(try norm.runningMean.value.array(Float.self) == before)
  }

  @Test func residualAddsTheShortcut() throws {
    let x = try Tensor([1, 2], [Float(1), -3])
    #expect(try Residual(Activation(.relu))(x).array(Float.self) == [2, -3])
    #expect(try Residual(Activation(.relu), activation: Activation(.relu))(x).array(Float.self) == [2, 0])
    #expect(try Residual(Activation(.relu), shortcut: Activation(.relu))(x).array(Float.self) == [2, 0])
  }

  @Test(arguments: Activation.Function.allCases)
  func activationsKeepTheShape(function: Activation.Function) throws {
    #expect(try Activation(function)(.ones([2, 3])).shape == [2, 3])
  }

  @Test func refuseArgumentsThatMakeNoSense() {
    func message(_ make: () throws -> Module) -> String? {
      (#expect(throws: ShapeError.self) { _ = try make() })?.description
    }
    #expect(
      message { try LinearLayer(0, 3) } == "linear: argument 'inputs' must be a positive integer (got 0)")
    #expect(message { try Conv2dLayer(3, 4, 3, stride: -1) } == "conv2d: stride must be positive (got -1)")
    #expect(
      message { try Conv2dLayer(3, 4, 3, groups: 2) }
        == "conv2d: 3 input and 4 output channels do not both divide into 2 groups")
    #expect(
      message { try DropoutLayer(2) } == "dropout: argument 'probability' must be from 0 to 1 (got 2.0)")
    #expect(
      message { try MultiHeadAttention(6, heads: 4) }
        == "multi_head_attention: 6 features do not divide into 4 heads")
    #expect(
      message { try LayerNormLayer([]) } == "layer_norm: argument 'shape' must have at least one dimension")
  }

  @Test func refuseToRunOnNothing() throws {
    let error = #expect(throws: LayerError.self) { try FlattenLayer().call([]) }
    #expect(error?.description == "in layer flatten: flatten: needs an input")
  }

  @Test func errorsNameTheLayerAndBothShapes() throws {
    let model = Sequential([FlattenLayer(), try LinearLayer(768, 10)])
    let error = #expect(throws: LayerError.self) { try model(.ones([32, 28, 28])) }
    #expect(
      error?.description
        == "in layer '1' (linear): linear: input [32, 784] has 784 features, weight [10, 768] expects 768")
  }
}
