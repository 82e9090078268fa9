import Testing

@testable import Models
@testable import Tensors

@Suite struct CheckpointTests {
  /// Two blocks with dropout and batch norm, each kept or computed again.
  private func network(checkpointed: Bool) throws -> Sequential {
    Random.reseed(11)
    let blocks = try (0..<2).map { _ -> Module in
      Sequential([
        try Conv2dLayer(4, 4, 3, padding: 1), try BatchNormLayer(4), Activation(.relu),
        try DropoutLayer(0.3),
      ])
    }
    return Sequential(
      blocks.map { checkpointed ? Checkpoint($0) : $0 } + [FlattenLayer(), try LinearLayer(64, 3)])
  }

  private func input() throws -> Tensor {
    try Tensor([5, 4, 4, 4], (0..<320).map { Float($0 * 7 % 23) / 11 - 1 })
  }

  private func train(_ model: Module) throws -> [[Float]] {
    Random.reseed(12)
    let targets = try Tensor([5], (0..<5).map { Int64($0 % 3) })
    let optimizer = try SGD(model.weights, learningRate: 0.1, momentum: 0.9)
    for _ in 0..<3 {
      optimizer.zeroGradients()
      try CrossEntropy()(model(input()), targets).backward()
      try optimizer.step()
    }
    return try model.namedParameters().map { try $0.parameter.value.array(Float.self) }
  }

  @Test func trainsToTheSameBits() throws {
    #expect(try train(network(checkpointed: true)) == train(network(checkpointed: false)))
  }

  @Test func passesTheGradientOn() throws {
    func gradient(_ model: Module) throws -> [Float] {
      Random.reseed(13)
      let x = try input()
      x.requiresGrad = true
      try Sum(axes: [0, 1])(Square()(model(x))).backward()
      return try #require(x.grad).array(Float.self)
    }
    #expect(try gradient(network(checkpointed: true)) == gradient(network(checkpointed: false)))
  }

  @Test func aGraphHoldsWhatIsInside() throws {
    let graph = try Graph(capturing: network(checkpointed: true), [input()])
    #expect(graph.order.compactMap { graph.operation($0)?.op as? Conv2d }.count == 2)
  }

  @Test func keepsNothingOfTheInside() throws {
    let model = try network(checkpointed: true)
    let kept = try model(input()).history().compactMap { $0.origin?.op.name }
    #expect(!kept.contains("conv2d") && kept.filter { $0 == "recompute" }.count == 2)
  }
}
