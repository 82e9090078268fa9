import TestSupport
import Testing

@testable import Tensors

@Suite struct Conv2dTests {
  @Test(
    arguments: [
      (Conv2d(), [1, 2, 4, 5], [3, 2, 3, 2]),
      (Conv2d(stride: 2, padding: 1), [2, 1, 5, 5], [2, 1, 3, 3]),
      (Conv2d(stride: Size2d(1, 2), padding: 2, dilation: 2), [1, 2, 5, 6], [2, 2, 2, 3]),
      (Conv2d(padding: 1, groups: 4), [2, 4, 3, 3], [4, 1, 3, 3]),
      (Conv2d(stride: 2, relu: true), [2, 2, 4, 4], [3, 2, 2, 2]),
      (
        Conv2d(padding: Padding2d(top: 0, left: 1, bottom: 2, right: 0), groups: 2), [1, 4, 3, 4],
        [2, 2, 2, 2]
      ),
    ] as [(Conv2d, Shape, Shape)])
  func gradient(op: Conv2d, x: Shape, weight: Shape) throws {
    try expectGradient(of: op, x, weight)
    try expectGradient(of: op, x, weight, [weight[0]])
  }

  /// Expected numbers computed with NumPy, patch by patch.
  @Test(arguments: [DType.f32, .f64])
  func computesWhatNumPyDoes(dtype: DType) throws {
    let x = (0..<120).map { Double($0 * 7 % 11 - 5) }
    let weight = (0..<24).map { Double($0 * 5 % 7 - 3) }
    let op = Conv2d(
      stride: Size2d(2, 1), padding: Padding2d(top: 1, left: 0, bottom: 2, right: 1), dilation: Size2d(1, 2),
      groups: 2)
    let y = try op(
      .from(x, [1, 4, 5, 6], dtype), .from(weight, [2, 2, 3, 2], dtype), .from([1, -2], [2], dtype))
    #expect(y.shape == [1, 2, 3, 5])
    #expect(
      try y.doubles() == [
        -14, 10, -10, -19, 2, -6, -17, -6, -6, -7, -10, 10, -14, -5, 30, 2, -22, -13, 7, -11, -38, -12, 3,
        -26,
        4, -8, 7, -22, 4, 8,
      ])
  }

  /// Sizes our own kernels take over: channels in sixteens, and 3x3 kernels or rows of results in eights.
  @Test(
    arguments: [
      (Conv2d(padding: 1), [9, 16, 7, 16], [16, 16, 3, 3]),
      (Conv2d(padding: 1), [3, 32, 5, 8], [48, 32, 3, 3]),
      (Conv2d(), [2, 48, 7, 9], [32, 48, 3, 3]),
      (Conv2d(padding: 2), [3, 16, 1, 1], [64, 16, 3, 3]),
      (Conv2d(padding: Padding2d(top: 3, left: 0, bottom: 0, right: 1)), [1, 32, 4, 5], [16, 32, 3, 3]),
      (Conv2d(padding: 1, relu: true), [2, 16, 4, 5], [32, 16, 3, 3]),
      (Conv2d(stride: 2, padding: 1, relu: true), [2, 16, 9, 16], [32, 16, 3, 3]),
      (Conv2d(stride: 2, padding: 1), [2, 16, 9, 16], [32, 16, 3, 3]),
      (
        Conv2d(stride: 2, padding: Padding2d(top: 0, left: 0, bottom: 1, right: 1)), [2, 16, 8, 32],
        [16, 16, 3, 3]
      ),
      (Conv2d(padding: Padding2d(top: 2, left: 1, bottom: 0, right: 0)), [1, 64, 4, 8], [64, 64, 3, 2]),
      (Conv2d(padding: 2), [2, 16, 6, 16], [64, 16, 5, 5]),
      (Conv2d(stride: 2), [2, 16, 6, 18], [16, 16, 1, 3]),
      // Work enough for several threads.
      (Conv2d(padding: 1), [9, 32, 16, 15], [48, 32, 3, 3]),
      (Conv2d(stride: 2, padding: 1), [9, 32, 31, 32], [48, 32, 3, 3]),
    ] as [(Conv2d, Shape, Shape)])
  func manyChannelsAgreeWithDoublePrecision(op: Conv2d, x: Shape, weight: Shape) throws {
    var generator = Generator(seed: 9)
    let values = [x, weight, try op.shape(of: [x, weight])].map { shape in
      (shape, (0..<shape.elements).map { _ in Double(Float(generator.normal())) })
    }
    func run(_ dtype: DType, threads: Int) throws -> [[Double]] {
      let (x, weight, dy) = (
        try Tensor.from(values[0].1, values[0].0, dtype), try Tensor.from(values[1].1, values[1].0, dtype),
        try Tensor.from(values[2].1, values[2].0, dtype)
      )
      (x.requiresGrad, weight.requiresGrad) = (true, true)
      return try Engine.withThreads(threads) {
        let y = try op(x, weight)
        try y.backward(from: dy)
        return try [y, x.grad, weight.grad].map { try #require($0).doubles() }
      }
    }
    let single = try run(.f32, threads: 1)
    for (single, double) in zip(single.joined(), try run(.f64, threads: 1).joined()) {
      #expect(abs(single - double) < 2e-5 * max(10, abs(double)))
    }
    // Where the kernels of the input's gradient and of the result are oneDNN's, they may depend on the threads.
    #expect(try run(.f32, threads: 3)[2] == single[2])
    if WinogradConv2d(op, x, weight, try op.shape(of: [x, weight])) != nil {
      #expect(try run(.f32, threads: 3)[0] == single[0])
    }
  }

  @Test(
    arguments: [
      (Conv2d(padding: 1), [37, 3, 16, 16], [24, 3, 3, 3]),
      (Conv2d(stride: 2), [6, 32, 40, 40], [64, 32, 1, 1]),
    ] as [(Conv2d, Shape, Shape)])
  func weightGradientsAreTheSameForAnyNumberOfThreads(op: Conv2d, x: Shape, weight: Shape) throws {
    func run(threads: Int) throws -> [[Float]] {
      let inputs = try [x, weight, [weight[0]]].map { shape in
        try Tensor(shape, (0..<shape.elements).map { Float($0 * 7 % 31) / 8 - 1 })
      }
      for input in inputs[1...] { input.requiresGrad = true }
      return try Engine.withThreads(threads) {
        let y = try op.apply(inputs)
        try y.backward(from: Tensor(y.shape, (0..<y.count).map { Float($0 % 19) / 8 - 1 }))
        return try inputs[1...].map { try #require($0.grad).array() }
      }
    }
    let single = try run(threads: 1)
    for threads in [2, 3, 8] { #expect(try run(threads: threads) == single) }
  }

  @Test(
    arguments: [
      ([32, 16, 32, 32], [16, 16, 3, 3], 8),  // many pixels to a weight
      ([3, 16, 32, 32], [16, 16, 3, 3], 3),  // never less than an image to a part
      ([37, 24, 16, 16], [24, 3, 3, 3], 3),  // each part worth a thread
      ([8, 64, 16, 16], [64, 64, 3, 3], 4),
      ([8, 1024, 16, 16], [1024, 1024, 1, 1], 1),  // the weights of a part leave the caches
      ([1, 8, 4, 4], [8, 8, 1, 1], 1),
    ] as [(Shape, Shape, Int)])
  func partsOfAGradientAreWorthAddingUp(y: Shape, weight: Shape, parts: Int) throws {
    for threads in [1, 8] {
      try Engine.withThreads(threads) { #expect(Conv2d(padding: 1).gradientParts(weight, y) == parts) }
    }
  }

  @Test func fewProductsAreLeftToOneThread() throws {
    try Engine.withThreads(8) {
      func threads(_ x: Shape, _ weight: Shape, _ y: Shape) -> [Int] {
        let winograd: Int? = WinogradConv2d(Conv2d(padding: 1), x, weight, y)?.threads
        let direct: Int? = DirectConv2d(Conv2d(padding: 1), x, weight, y)?.threads(x[0])
        return [winograd, direct].compactMap { $0 }
      }
      #expect(threads([8, 16, 8, 8], [16, 16, 3, 3], [8, 16, 8, 8]).allSatisfy { $0 == 1 })
      #expect(threads([8, 64, 32, 32], [64, 64, 3, 3], [8, 64, 32, 32]).allSatisfy { $0 == 8 })
    }
  }

  @Test(arguments: [2, 3, 8])
  func theBitsOfAnImageDoNotDependOnTheBatch(size: Int) throws {
    func numbers(_ range: Range<Int>) -> [Float] { range.map { Float($0 * 7 % 31) / 8 - 1.3 } }
    let weight = try Tensor([32, 16, 3, 3], numbers(0..<32 * 16 * 9))
    func results(of count: Int, from first: Int) throws -> [Float] {
      let image = 16 * size * size
      let x = try Tensor([count, 16, size, size], numbers(first * image..<(first + count) * image))
      return try Conv2d(padding: 1)(x, weight).array()
    }
    let last = try results(of: 65, from: 0).suffix(32 * size * size)
    #expect(try Array(last) == results(of: 1, from: 64))
  }

  @Test func countsMultiplications() {
    let cost = Conv2d(padding: 1, groups: 2).cost(of: [[2, 4, 5, 5], [6, 2, 3, 3]], output: [2, 6, 5, 5])
    #expect(cost.macs == 2 * 6 * 5 * 5 * 2 * 3 * 3)
  }

  @Test func liesChannelsLast() throws {
    let y = try Conv2d()(.ones([1, 2, 4, 4]), .ones([3, 2, 1, 1]))
    #expect(y.format == .channelsLast)
  }

  @Test func acceptsAnEmptyBatch() throws {
    let (x, weight) = (try Tensor.ones([0, 2, 4, 4]), try Tensor.ones([3, 2, 3, 3]))
    weight.requiresGrad = true
    let y = try Conv2d()(x, weight)
    #expect(y.shape == [0, 3, 2, 2])
    try Sum(axes: [0, 1, 2, 3])(y).backward()
    #expect(try weight.grad?.doubles().allSatisfy { $0 == 0 } == true)
  }

  @Test(
    arguments: [
      (
        Conv2d(), [[1, 3, 8, 8], [4, 2, 3, 3]],
        "input [1, 3, 8, 8] has 3 channels, weight [4, 2, 3, 3] expects 2"
      ),
      (Conv2d(), [[3, 8, 8], [4, 3, 3, 3]], "input must be [N, C, H, W], got [3, 8, 8]"),
      (
        Conv2d(groups: 2), [[1, 4, 8, 8], [3, 2, 3, 3]],
        "weight [3, 2, 3, 3] has 3 output channels, which do not divide into 2 groups"
      ),
      (
        Conv2d(), [[1, 2, 8, 8], [4, 2, 3, 3], [5]],
        "bias [5] must have one element per output channel of weight [4, 2, 3, 3]"
      ),
      (
        Conv2d(), [[1, 2, 2, 8], [4, 2, 3, 3]],
        "input [1, 2, 2, 8] is smaller than the kernel: it covers 3 x 3 pixels, the padded input has 2 x 8"
      ),
      (Conv2d(stride: -1), [[1, 2, 8, 8], [4, 2, 3, 3]], "stride must be positive (got -1)"),
      (Conv2d(padding: -1), [[1, 2, 8, 8], [4, 2, 3, 3]], "padding cannot be negative (got -1)"),
      (
        Conv2d(dilation: Size2d(.max)), [[1, 2, 8, 8], [4, 2, 3, 3]],
        "dilation must be at most 1048576 (got \(Int.max))"
      ),
      (
        Conv2d(groups: .max), [[1, 2, 8, 8], [4, 2, 3, 3]],
        "input [1, 2, 8, 8] has 2 channels, which do not divide into \(Int.max) groups"
      ),
    ] as [(Conv2d, [Shape], String)])
  func explains(op: Conv2d, shapes: [Shape], problem: String) {
    let error = #expect(throws: ShapeError.self) { try op.shape(of: shapes) }
    #expect(error?.description == "conv2d: " + problem)
  }
}
