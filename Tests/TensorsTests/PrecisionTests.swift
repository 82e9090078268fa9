import TestSupport
import Tensors
import Testing

/// The nearest bf16 number, ties to even.
private func rounded(_ t: Tensor) throws -> Tensor {
  try Tensor(
    t.shape,
    t.array(Float.self).map {
      let bits = $0.bitPattern
      return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    })
}

private func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
  let (a, b) = (try a.doubles(), try b.doubles())
  let size = b.reduce(1e-30) { max($0, abs($1)) }
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / size
}

@Suite(.enabled(if: Precision.bf16.isAvailable, "this processor has no bf16 arithmetic"))
struct PrecisionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let op: any Op
    let shapes: [Shape]
    var testDescription: String { "\(op.name) \(shapes)" }
  }

  /// A bias is no factor, and stays as it is.
  static let cases = [
    Case(op: Linear(), shapes: [[40, 33], [20, 33]]),
    Case(op: MatMul(), shapes: [[40, 33], [33, 20]]),
    Case(op: MatMul(), shapes: [[3, 20, 33], [3, 33, 20]]),
    Case(op: Conv2d(padding: 1), shapes: [[2, 16, 9, 8], [16, 16, 3, 3]]),
    Case(op: Conv2d(stride: 2), shapes: [[2, 3, 12, 12], [8, 3, 5, 5]]),
    Case(op: Conv2d(padding: 1, groups: 16), shapes: [[2, 16, 9, 8], [16, 1, 3, 3]]),
    Case(op: Conv1d(padding: 1), shapes: [[4, 16, 40], [8, 16, 3]]),
  ]

  private static func inputs(_ c: Case) throws -> [Tensor] {
    var generator = Generator(seed: 3)
    return try c.shapes.map { shape in
      try Tensor(shape, (0..<shape.elements).map { _ in Float(generator.uniform()) * 2 - 1 })
    }
  }

  private static func leaves(_ tensors: [Tensor]) -> [Tensor] {
    for t in tensors { t.requiresGrad = true }
    return tensors
  }

  @Test(arguments: cases) func `factors are rounded and sums are fp32`(_ c: Case) throws {
    let inputs = try Self.inputs(c)
    let exact = try c.op.apply(inputs)
    let half = try Precision.with(.bf16) { try c.op.apply(inputs) }
    let truth = try c.op.apply(inputs.map(rounded))
    #expect(try largestDifference(half, truth) < 1e-5)
    #expect((1e-4..<1e-2).contains(try largestDifference(half, exact)))
  }

  @Test(arguments: cases) func `gradients are those of the rounded factors, also after the block`(_ c: Case)
    throws
  {
    let inputs = Self.leaves(try Self.inputs(c)), truths = Self.leaves(try inputs.map(rounded))
    let y = try Precision.with(.bf16) { try c.op.apply(inputs) }
    let slope = try rounded(Tensor(y.shape, (0..<y.count).map { Float($0 % 17) / 16 - 0.5 }))
    try y.backward(from: slope)
    try c.op.apply(truths).backward(from: slope)
    for (input, truth) in zip(inputs, truths) {
      #expect(try largestDifference(#require(input.grad), #require(truth.grad)) < 1e-5)
    }
  }

  @Test func `a recurrent layer agrees with fp32 to the precision of bf16`() throws {
    let c = Case(op: LSTM(), shapes: [[6, 8, 32], [128, 32], [128, 32]])
    let (a, b) = (Self.leaves(try Self.inputs(c)), Self.leaves(try Self.inputs(c)))
    let (y, truth) = (try Precision.with(.bf16) { try LSTM().apply(a) }, try LSTM().apply(b))
    #expect((1e-5..<2e-2).contains(try largestDifference(y, truth)))
    try y.sum().backward()
    try truth.sum().backward()
    for (x, exact) in zip(a, b) {
      #expect((1e-5..<5e-2).contains(try largestDifference(#require(x.grad), #require(exact.grad))))
    }
  }

  @Test func `the precision ends with its block`() throws {
    struct Stop: Error {}
    try Precision.with(.bf16) {
      #expect(Precision.current == .bf16)
      try Precision.with(.f32) { #expect(Precision.current == .f32) }
      #expect(Precision.current == .bf16)
    }
    #expect(Precision.current == .f32)
    #expect(throws: Stop.self) { try Precision.with(.bf16) { throw Stop() } }
    #expect(Precision.current == .f32)
  }

  @Test func `double precision is not touched`() throws {
    let a = try Tensor([40, 40], (0..<1600).map { Double($0).squareRoot() })
    let half = try Precision.with(.bf16) { try MatMul()(a, a) }
    #expect(try half.doubles() == MatMul()(a, a).doubles())
  }
}
