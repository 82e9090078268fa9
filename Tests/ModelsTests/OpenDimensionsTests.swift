import Tensors
import TestSupport
import Testing

@testable import Models

/// Whatever a closure computes.
private final class Free: Module {
  private let body: (Tensor) throws -> Tensor
  init(_ body: @escaping (Tensor) throws -> Tensor) {
    self.body = body
    super.init(kind: "free")
  }
  override func forward(_ x: [Tensor]) throws -> Tensor { try body(x[0]) }
}

@Suite struct OpenDimensionsTests {
  private func ramp(_ shape: Shape) throws -> Tensor {
    try Tensor.arange(start: -5, count: shape.elements).reshaped(shape)
  }

  /// The graph of `body`, captured for `example`, computes what `body` does for `other`.
  private func expectOpen(_ example: Shape, _ other: Shape, _ body: @escaping (Tensor) throws -> Tensor)
    throws
  {
    let graph = try Graph(capturing: Free(body), [ramp(example)])
    let x = try ramp(other)
    #expect(try graph(x).doubles() == body(x).doubles())
  }

  @Test func reshapesFollowTheBatch() throws {
    let flatten = { (x: Tensor) in try x.reshaped([x.shape[0], x.count / x.shape[0]]) }
    try expectOpen([1, 3, 4], [5, 3, 4], flatten)
    try expectOpen([2, 2, 2], [5, 2, 2], flatten)
    try expectOpen([2, 3, 4], [5, 3, 4]) { x in try Reshape([x.shape[0], -1])(x) }
    try expectOpen([2, 3, 4], [5, 3, 4]) { x in try Reshape([x.shape[0] * 3, -1])(x) }
    try expectOpen([2, 3, 4], [5, 3, 4]) { x in try Reshape([-1, 4])(x) }
    let rows = { (x: Tensor) in
      let flat = try Relu()(x.reshaped([x.shape[0] * x.shape[1], x.shape[2]]))
      return try flat.reshaped([x.shape[0], x.shape[1], x.shape[2]])
    }
    try expectOpen([2, 3, 4], [7, 3, 4], rows)
    try expectOpen([1, 3, 4], [7, 3, 4], rows)
    let behind = { (x: Tensor) in
      try x.permuted([1, 0, 2]).reshaped([x.shape[1], x.shape[0], 2, 2]).permuted([1, 0, 2, 3])
    }
    try expectOpen([2, 3, 4], [5, 3, 4], behind)
  }

  @Test func whatDoesNotFollowStaysAsItIs() throws {
    // One sample's numbers as three rows, which are added up: with more samples something else.
    let net = Free { x in try Sum(axes: [0])(x.reshaped([3, 4])).reshaped([1, 4]) }
    let graph = try Graph(capturing: net, [ramp([1, 12])])
    #expect(throws: LayerError.self) { try graph(ramp([2, 12])) }
    #expect(try graph(ramp([1, 12])).doubles() == net(ramp([1, 12])).doubles())
    #expect(graph.log.last?.refused.first?.node == "batch")
  }

  @Test func readsOfValuesThatDependOnTheExampleAreNoted() throws {
    var reads = 0
    let net = Free { x in
      let y = try Relu()(x)
      Tape.noteRead(y)
      Tape.noteRead(x)
      Tape.noteRead(try Relu()(Tensor.ones([2])))
      return y
    }
    _ = try Graph(capturing: net, [ramp([1, 3])]) { reads += 1 }
    #expect(reads == 2)
    _ = try net(ramp([1, 3]))
    #expect(reads == 2)
  }
}
