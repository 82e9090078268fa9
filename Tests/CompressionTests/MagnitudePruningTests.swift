import Models
import Tensors
import Testing

@testable import Compression

private final class Weights: Module {
  init(_ values: [[Float]]) throws {
    super.init(kind: "weights")
    for (i, row) in values.enumerated() { register("w\(i)", Parameter(try Tensor([1, row.count], row))) }
    register("bias", Parameter(try Tensor([2], [Float(0.001), 0.002])))
  }
}

@Suite struct MagnitudePruningTests {
  private func values(_ module: Module) throws -> [[Float]] {
    try module.namedParameters().map { try $0.parameter.value.array(Float.self) }
  }

  @Test func prunesTheSameShareOfEveryLayer() throws {
    let model = try Weights([[1, -4, 3, -2], [10, 20, -30, 40]])
    let outcome = try MagnitudePruning.apply(to: model, sparsity: 0.5)
    #expect(try values(model) == [[0, -4, 3, 0], [0, 0, -30, 40], [0.001, 0.002]])
    #expect(outcome.map(\.zeros) == [2, 2])
  }

  @Test func prunesByOneThresholdForAll() throws {
    let model = try Weights([[1, -4, 3, -2], [10, 20, -30, 40]])
    _ = try MagnitudePruning.apply(to: model, sparsity: 0.5, scope: .global)
    #expect(try values(model) == [[0, 0, 0, 0], [10, 20, -30, 40], [0.001, 0.002]])
  }

  @Test func leavesAloneWhatIsToBeSkipped() throws {
    let model = try Weights([[1, -4, 3, -2], [10, 20, -30, 40]])
    _ = try MagnitudePruning.apply(to: model, sparsity: 0.5, skip: ["w0"])
    #expect(try values(model)[0] == [1, -4, 3, -2])
  }

  @Test func theMaskHoldsAfterAnUpdate() throws {
    let model = try Weights([[1, -4, 3, -2]])
    _ = try MagnitudePruning.apply(to: model, sparsity: 0.5)
    let weight = model.ownParameters[0].parameter
    weight.value.fill(1)
    #expect(throws: ShapeError.self) { try weight.constraint(Mask.self)?.check(weight.value) }
    try weight.enforceConstraints()
    #expect(try weight.value.array(Float.self) == [0, 1, 1, 0])
    #expect(weight.constraint(Mask.self)?.sparsity == 0.5)
  }

  @Test func refusesToPruneEverything() throws {
    let error = #expect(throws: ShapeError.self) {
      try MagnitudePruning.apply(to: Weights([[1]]), sparsity: 1)
    }
    #expect(error?.description == "prune: sparsity must be at least 0 and below 1 (got 1.0)")
  }
}
