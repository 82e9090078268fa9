import Tensors
import TestSupport
import Testing

@testable import Models

/// Passes that bring spelled-out forms back to single ops.
@Suite struct SimplifyingTests {
  /// A module of one function, with parameters that are drawn.
  private final class Free: Module {
    private let body: ([Tensor], [Tensor]) throws -> Tensor
    private let stored: [Parameter]

    init(_ shapes: [Shape], _ body: @escaping ([Tensor], [Tensor]) throws -> Tensor) throws {
      var generator = Generator(seed: 4)
      stored = try shapes.map { shape in
        Parameter(try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.normal()) }))
      }
      self.body = body
      super.init(kind: "free")
      for (i, parameter) in stored.enumerated() { register("p\(i)", parameter) }
    }

    override func forward(_ inputs: [Tensor]) throws -> Tensor { try body(inputs, stored.map(\.value)) }
  }

  /// The ops that are left, after checking that the numbers are.
  private func simplified(_ module: Module, _ x: Tensor) throws -> [String] {
    let graph = try Graph(capturing: module, [x])
    graph.setTraining(false)
    let before = try graph(x).doubles()
    for pass in Pass.simplifying { try graph.apply(pass) }
    for (a, b) in zip(try graph(x).doubles(), before) { #expect(abs(a - b) <= 1e-5 * max(1, abs(b))) }
    return graph.order.compactMap { graph.operation($0)?.op.name }
  }

  @Test func findAProductWithStoredRowsAndItsBias() throws {
    let module = try Free([[6, 4], [4]]) { x, p in try MatMul()(x[0], p[0]) + p[1] }
    #expect(try simplified(module, sample([3, 5, 6])) == ["linear"])
  }

  @Test func findLayerNorm() throws {
    let module = try Free([[6], [6]]) { x, p in
      let centred = try x[0] - x[0].mean(axes: [2], keepDims: true)
      let variance = try Square()(centred).mean(axes: [2], keepDims: true)
      return try centred / Sqrt()(variance + 1e-5) * p[0] + p[1]
    }
    #expect(try simplified(module, sample([3, 5, 6])) == ["layer_norm"])
  }

  @Test func leaveANormOverOtherDimensionsAlone() throws {
    let module = try Free([[6], [6]]) { x, p in
      let centred = try x[0] - x[0].mean(axes: [1], keepDims: true)
      let variance = try Square()(centred).mean(axes: [1], keepDims: true)
      return try centred / Sqrt()(variance + 1e-5) * p[0] + p[1]
    }
    #expect(try !simplified(module, sample([3, 5, 6])).contains("layer_norm"))
  }

  @Test func findGelu() throws {
    let module = try Free([]) { x, _ in try x[0] * (Erf()(x[0] / 2.0.squareRoot()) + 1.0) * 0.5 }
    #expect(try simplified(module, sample([4, 7])) == ["gelu"])
  }

  @Test func findAttention() throws {
    let module = try Free([[8, 8], [8, 8], [8, 8]]) { x, p in
      func heads(_ weight: Tensor, _ order: [Int]) throws -> Tensor {
        try Transpose(order)(Reshape([-1, 5, 2, 4])(MatMul()(x[0], weight)))
      }
      let scores = try MatMul()(heads(p[0], [0, 2, 1, 3]), heads(p[1], [0, 2, 3, 1])) / 2.0
      let mixed = try MatMul()(Softmax(axis: 3)(scores), heads(p[2], [0, 2, 1, 3]))
      return try Reshape([-1, 5, 8])(Transpose([0, 2, 1, 3])(mixed))
    }
    let ops = try simplified(module, sample([3, 5, 8]))
    #expect(ops == ["linear", "linear", "linear", "attention"])
  }

  @Test func leaveAttentionWithinBlocksAlone() throws {
    let module = try Free([[6, 6]]) { x, p in
      func heads(_ order: [Int]) throws -> Tensor {
        try Transpose(order)(Reshape([-1, 4, 2, 3])(MatMul()(x[0], p[0])))
      }
      let scores = try MatMul()(heads([0, 2, 1, 3]), heads([0, 2, 3, 1])) / 2.0
      let mixed = try MatMul()(Softmax(axis: 3)(scores), heads([0, 2, 1, 3]))
      return try Reshape([-1, 8, 6])(Transpose([0, 2, 1, 3])(mixed))
    }
    #expect(try !simplified(module, sample([1, 8, 6])).contains("attention"))
  }

  @Test func leaveAMaskOfOneColumnAMask() throws {
    let mask = try Tensor.zeros([5, 1])
    let module = try Free([]) { x, _ in
      func heads(_ order: [Int]) throws -> Tensor { try Transpose(order)(Reshape([-1, 5, 2, 4])(x[0])) }
      let scores = try MatMul()(heads([0, 2, 1, 3]), heads([0, 2, 3, 1])) / 2.0 + mask
      let mixed = try MatMul()(Softmax(axis: 3)(scores), heads([0, 2, 1, 3]))
      return try Reshape([-1, 5, 8])(Transpose([0, 2, 1, 3])(mixed))
    }
    _ = try simplified(module, sample([2, 5, 8]))
  }

  @Test func leaveANormWithManyEpsilonsAlone() throws {
    let epsilons = try Tensor([4, 1], [Float(0.1), 0.5, 1, 2])
    let module = try Free([[6], [6]]) { x, p in
      let centred = try x[0] - x[0].mean(axes: [2], keepDims: true)
      let variance = try Square()(centred).mean(axes: [2], keepDims: true)
      return try centred / Sqrt()(variance + epsilons) * p[0] + p[1]
    }
    #expect(try !simplified(module, sample([3, 4, 6])).contains("layer_norm"))
  }

  @Test func productsWithOneMatrixGoOnSharingIt() throws {
    let module = try Free([[6, 6]]) { x, p in try MatMul()(MatMul()(x[0], p[0]), p[0]) }
    let graph = try Graph(capturing: module, [sample([3, 6])])
    for pass in Pass.simplifying { try graph.apply(pass) }
    #expect(graph.namedParameters().count == 1)
  }

  @Test func mergeWhatIsComputedTwiceAndCancelMoves() throws {
    let module = try Free([]) { x, _ in
      let turned = try x[0].permuted([0, 2, 1]).permuted([0, 2, 1])
      return try turned.exp() + x[0].exp()
    }
    #expect(try simplified(module, sample([2, 3, 4])) == ["exp", "add"])
  }
}
