import TestSupport
import Testing

@testable import Tensors

/// What large tensors are divided among threads for, against one thread.
@Suite struct ThreadsTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let op: any Op
    let shapes: [Shape]
    var testDescription: String { "\(op.name) \(shapes)" }
  }

  /// The result and the gradients of all inputs.
  private func run(_ c: Case, threads: Int) throws -> [[Float]] {
    // A few random numbers over and over: in a debug build every number takes its time.
    var generator = Generator(seed: 5)
    let numbers = (0..<4099).map { _ in Float(generator.uniform()) - 0.3 }
    let inputs = try c.shapes.map { shape in
      let input = try Tensor(shape, (0..<shape.elements).map { numbers[$0 % numbers.count] })
      input.requiresGrad = true
      return input
    }
    return try Engine.withThreads(threads) {
      let y = try c.op.apply(inputs)
      try y.backward(from: Tensor(y.shape, (0..<y.count).map { Float($0 % 19) / 8 - 1 }))
      return try [y.array()] + inputs.map { try $0.grad?.array() ?? [] }
    }
  }

  @Test(arguments: [
    Case(op: Relu(), shapes: [[700, 1001]]),
    Case(op: Gelu(), shapes: [[700, 1001]]),
    Case(op: Mul(), shapes: [[700, 1001], [700, 1001]]),
    Case(op: Add(), shapes: [[700, 1001], [1]]),
    Case(op: LayerNorm(), shapes: [[3001, 200], [200], [200]]),
    Case(op: MaxPool2d(2), shapes: [[10, 16, 64, 64]]),
  ])
  func `our own operations give the same bits for any number of threads`(_ c: Case) throws {
    let alone = try run(c, threads: 1)
    for threads in [2, 3] { #expect(try run(c, threads: threads) == alone) }
  }

  @Test func `batch norm gives the same bits for any number of threads`() throws {
    func run(threads: Int) throws -> [[Float]] {
      let x = try Tensor([8, 16, 64, 64], (0..<524_288).map { Float($0 * 7 % 31) / 8 - 1 }).channelsLast()
      let parameters = try [Tensor.ones([16]), .zeros([16]), .zeros([16]), .ones([16])]
      for t in [x, parameters[0], parameters[1]] { t.requiresGrad = true }
      return try Engine.withThreads(threads) {
        let y = try BatchNorm(training: true, relu: true).apply([x] + parameters)
        try (y * y).sum().backward()
        return try [y.array()] + [x, parameters[0], parameters[1]].map { try $0.grad?.array() ?? [] }
      }
    }
    let alone = try run(threads: 1)
    for threads in [2, 3] { #expect(try run(threads: threads) == alone) }
  }

  @Test(arguments: [
    Case(op: MatMul(), shapes: [[301, 256], [256, 200]]),
    Case(op: MatMul(), shapes: [[7, 100, 90], [7, 90, 110]]),
    Case(op: Linear(), shapes: [[301, 256], [200, 256], [200]]),
    Case(op: Conv2d(padding: 1), shapes: [[9, 8, 32, 32], [24, 8, 3, 3], [24]]),
    Case(op: Conv2d(stride: 2), shapes: [[3, 3, 64, 64], [64, 3, 5, 5], [64]]),
  ])
  func `products agree for any number of threads`(_ c: Case) throws {
    let alone = try run(c, threads: 1)
    for threads in [2, 3] {
      for (values, truth) in zip(try run(c, threads: threads), alone) {
        let size = truth.reduce(0) { max($0, abs($1)) }
        #expect(zip(values, truth).allSatisfy { abs($0 - $1) <= 1e-5 * size })
      }
    }
  }
}
