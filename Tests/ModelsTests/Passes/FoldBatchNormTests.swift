import Tensors
import TestSupport
import Testing

@testable import Models

@Suite struct FoldBatchNormTests {
  @Test func whatWasFrozenStaysFrozen() throws {
    let model = Sequential([try Conv2dLayer(2, 3, 3), try BatchNormLayer(3)])
    for (_, parameter) in model.namedParameters() { parameter.value.requiresGrad = false }
    let graph = try Graph(capturing: model, [.ones([1, 2, 4, 4])])
    try graph.apply(.foldBatchNorm)
    #expect(graph.namedParameters().count == 2)
    #expect(graph.namedParameters().allSatisfy { !$0.parameter.value.requiresGrad })
  }

  /// An op with a weight and a batch norm with statistics of its own behind it.
  private final class Normalized: Module {
    private let op: any Op
    private let weight: Parameter
    private let statistics: [Parameter]

    init(_ op: any Op, _ weight: Shape, channels: Int) throws {
      var generator = Generator(seed: 4)
      func random(_ shape: Shape) throws -> Tensor {
        try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) })
      }
      self.op = op
      self.weight = Parameter(try random(weight))
      let variance = try random([channels]).square() + 0.1
      statistics = try [random([channels]), random([channels]), random([channels]), variance].map {
        Parameter($0)
      }
      super.init(kind: "normalized")
      for (i, parameter) in ([self.weight] + statistics).enumerated() { register("p\(i)", parameter) }
    }

    override func forward(_ x: [Tensor]) throws -> Tensor {
      try BatchNorm().apply([op.apply([x[0], weight.value])] + statistics.map(\.value))
    }
  }

  private func folded(_ module: Module, _ shape: Shape) throws -> (graph: Graph, ops: [String]) {
    let graph = try Graph(capturing: module, [sample(shape)])
    graph.setTraining(false)
    let before = try graph(sample(shape)).doubles()
    try graph.apply(.foldBatchNorm)
    for (a, b) in zip(try graph(sample(shape)).doubles(), before) {
      #expect(abs(a - b) <= 1e-4 * max(1, abs(b)))
    }
    return (graph, graph.order.compactMap { graph.operation($0)?.op.name })
  }

  @Test func goesIntoConvolutionsAndLinearLayers() throws {
    #expect(try folded(Normalized(Conv2d(), [4, 3, 2, 2], channels: 4), [2, 3, 5, 5]).ops == ["conv2d"])
    #expect(try folded(Normalized(Conv1d(), [4, 3, 2], channels: 4), [2, 3, 7]).ops == ["conv1d"])
    #expect(try folded(Normalized(Linear(), [4, 3], channels: 4), [6, 3]).ops == ["linear"])
  }

  /// As many positions as features: folding would scale the features.
  @Test func leavesTheNormOfPositionsAlone() throws {
    let (graph, ops) = try folded(Normalized(Linear(), [4, 3], channels: 4), [2, 4, 3])
    #expect(ops == ["linear", "batch_norm"])
    #expect(
      graph.log.last?.refused.first?.reason == "it normalises the positions of 'linear', not its features")
  }
}
