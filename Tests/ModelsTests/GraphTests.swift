import Tensors
import TestSupport
import Testing

@testable import Models

/// y = x + bias, under a container, so that paths have two parts.
private final class Bias: Module {
  let bias: Parameter
  init(_ values: [Float]) throws {
    bias = Parameter(try Tensor([values.count], values))
    super.init(kind: "bias")
    register("bias", bias)
  }
  override func forward(_ x: [Tensor]) throws -> Tensor { try Add()(x[0], bias.value) }
}

private final class Twice: Module {
  init(_ child: Module) {
    super.init(kind: "twice")
    register("inner", child)
  }
  override func forward(_ x: [Tensor]) throws -> Tensor {
    let inner = children[0].module
    return try inner(inner(x[0]))
  }
}

@Suite struct GraphTests {
  @Test func replaysWhatTheModuleComputes() throws {
    let model = Twice(try Bias([1, 2]))
    let x = try Tensor([1, 2], [Float(10), 20])
    let graph = try Graph(capturing: model, [x])
    let many = try Tensor([2, 2], [Float(1), 2, 3, 4])
    #expect(try graph(many).array(Float.self) == model(many).array(Float.self))
    #expect(graph.order.map { graph[$0].name } == ["input", "inner.bias", "inner", "inner_2"])
    #expect(graph.namedParameters().map(\.path) == ["inner.bias"])
  }

  @Test func isInTheModeOfTheModuleAndItsCopiesToo() throws {
    let model = Sequential([try LinearLayer(2, 2), try BatchNormLayer(2)])
    #expect(try Graph(capturing: model, [.ones([2, 2])]).isTraining)
    model.setTraining(false)
    let graph = try Graph(capturing: model, [.ones([2, 2])])
    #expect(!graph.isTraining && !graph.copy().isTraining)
  }

  @Test func trainsTheParametersOfTheModule() throws {
    let bias = try Bias([1, 2])
    let graph = try Graph(capturing: Twice(bias), [try Tensor([1, 2], [Float(0), 0])])
    try Sum(axes: [0, 1])(graph(try Tensor([3, 2], [Float](repeating: 0, count: 6)))).backward()
    #expect(try bias.bias.value.grad?.array(Float.self) == [6, 6])
  }

  @Test func aFailingPassLeavesTheGraphAsItWas() throws {
    let graph = try Graph(capturing: Twice(try Bias([1, 2])), [try Tensor([1, 2], [Float(0), 0])])
    let before = graph.order
    let breaking = Pass("break") { graph, _ in
      graph.setOutput(graph.order[1]); graph[graph.order[1]].shape = [7]
    }
    let error = #expect(throws: ShapeError.self) { try graph.apply(breaking) }
    #expect(error?.description == "break: node 'inner.bias' changed shape from [7] to [2]")
    #expect(graph.order == before)
  }

  @Test func opensDimensionsThatItsOperationsLeaveOpen() throws {
    let graph = try Graph(
      capturing: Twice(try Bias([1, 2])), [try Tensor([1, 3, 2], [Float](repeating: 0, count: 6))])
    try graph.open([["batch", "length", nil]])
    #expect(graph.dimensionNames[graph.inputs[0]] == ["batch", "length", nil])
    #expect { try graph.open([["batch", nil, "features"]]) } throws: {
      "\($0)".hasPrefix("open: the graph takes no other extents than its example's: ")
    }
    #expect(graph.dimensionNames[graph.inputs[0]] == ["batch", "length", nil])
    #expect { try graph.open([["batch"]]) } throws: {
      "\($0)" == "open: input 'input' has the shape [1, 3, 2], got 1 names for it"
    }
  }

  @Test func sweepsWhatNobodyReads() throws {
    let graph = try Graph(capturing: Twice(try Bias([1, 2])), [try Tensor([1, 2], [Float(0), 0])])
    let inner = graph.order[2]
    try graph.apply(Pass("shorten") { graph, _ in graph.setOutput(inner) })
    #expect(graph.order.map { graph[$0].name } == ["input", "inner.bias", "inner"])
  }

  @Test func errorsNameTheLayer() throws {
    let model = Twice(try Bias([1, 2]))
    let error = #expect(throws: LayerError.self) { try model(try Tensor([1, 3], [Float(0), 0, 0])) }
    #expect(error?.description == "in layer 'inner' (bias): add: shapes [1, 3] and [2] do not broadcast")
  }
}
