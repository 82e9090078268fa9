import Tensors
import TestSupport
import Testing

@testable import Models

/// The index of readers, held to what a look at every node finds.
@Suite struct GraphNodesTests {
  private func users(_ graph: Graph, of id: Graph.ID) -> [Graph.ID] {
    graph.order.filter { graph.operation($0)?.inputs.contains(id) ?? false }
  }

  private func expectItsIndex(_ graph: Graph) {
    for id in graph.order {
      #expect(graph.users(of: id) == users(graph, of: id))
      #expect((graph.onlyUser(of: id) != nil) == (users(graph, of: id).count == 1 && id != graph.output))
    }
  }

  /// Nodes are added, inserted, made to read others, replaced and swept, in an order that is drawn.
  @Test(arguments: [1, 2, 3] as [UInt64]) func knowsReadersThroughEveryChange(seed: UInt64) throws {
    var generator = Generator(seed: seed)
    let graph = Graph()
    let first = graph.add("x", .input(0), shape: [2], dtype: .f32)
    graph.add("y", .apply(Relu(), [first]), shape: [2], dtype: .f32)
    for change in 0..<300 {
      let position = 1 + generator.index(below: graph.order.count - 1)
      let id = graph.order[position]
      let before = { graph.order[generator.index(below: position)] }
      switch generator.index(below: 5) {
      case 0, 1: graph.add("n", .apply(Add(), [before(), before()]), shape: [2], dtype: .f32, before: id)
      case 2: graph.add("n", .apply(Relu(), [id]), shape: [2], dtype: .f32)
      case 3: graph[id].kind = .apply(Add(), [before(), first])
      default: if graph.order.count > 20 { graph.replaceUses(of: id, with: before()) }
      }
      graph.setOutput(graph.order[graph.order.count - 1])
      if change % 60 == 59 {
        expectItsIndex(graph)
        graph.sweep()
        if graph.order.count < 2 { graph.add("y", .apply(Relu(), [first]), shape: [2], dtype: .f32) }
      }
      let places = Dictionary(uniqueKeysWithValues: graph.order.enumerated().map { ($1, $0) })
      for id in graph.order {
        for read in graph.operation(id)?.inputs ?? [] {
          #expect((places[read] ?? .max) < (places[id] ?? -1))
        }
      }
    }
    expectItsIndex(graph)
  }

  /// More often than there is room between two places.
  @Test func insertsAtOnePlaceAsOftenAsAsked() throws {
    let graph = Graph()
    let x = graph.add("x", .input(0), shape: [2], dtype: .f32)
    let last = graph.add("last", .apply(Relu(), [x]), shape: [2], dtype: .f32)
    var expected = [x]
    for _ in 0..<100 {
      expected.append(graph.add("n", .apply(Relu(), [x]), shape: [2], dtype: .f32, before: last))
    }
    #expect(graph.order == expected + [last])
    #expect(graph.users(of: x) == Array(expected.dropFirst()) + [last])
  }

  @Test func namesAreGivenOnce() {
    var names = UniqueNames()
    let given = ["a", "a", "a_2", "a", "b", "a_2"].map { names.unused($0) }
    #expect(given == ["a", "a_2", "a_2_2", "a_3", "b", "a_2_3"])
  }
}
