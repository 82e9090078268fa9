import TestSupport
import Testing

@testable import Tensors

private let pooledShapes: [(Window2d, Shape)] = [
  (Window2d(kernel: 2, stride: 2), [2, 3, 4, 4]),
  (Window2d(kernel: 3, stride: 2, padding: 1), [1, 2, 5, 6]),
  (Window2d(kernel: Size2d(3, 2), stride: Size2d(1, 2), padding: Padding2d(Size2d(1, 0))), [1, 2, 4, 5]),
]

@Suite struct MaxPool2dTests {
  @Test(arguments: pooledShapes)
  func gradient(window: Window2d, x: Shape) throws { try expectGradient(of: MaxPool2d(window), x) }

  @Test func gradientWithDilation() throws {
    try expectGradient(of: MaxPool2d(2, stride: 1, dilation: 2), [1, 2, 4, 4])
  }

  @Test(arguments: pooledShapes)
  func gradientThroughRelu(window: Window2d, x: Shape) throws {
    try expectGradient(of: MaxPool2d(window, relu: true), x)
  }

  /// relu before the pooling or in it: the same results and the same gradients.
  @Test(arguments: pooledShapes.map(\.0), [1, 6, 16])
  func reluMayComeFirst(window: Window2d, channels: Int) throws {
    let shape: Shape = [3, channels, 8, 6]
    let x = try Tensor(shape, (0..<shape.elements).map { Float($0 * 37 % 101) / 50 - 1.5 })
    func run(_ compute: (Tensor) throws -> Tensor) throws -> [[Float]] {
      let leaf = try x.copy()
      leaf.requiresGrad = true
      let y = try compute(leaf)
      try y.backward(from: Tensor(y.shape, (0..<y.count).map { Float($0) }))
      return [try y.array(Float.self), try #require(leaf.grad).array(Float.self)]
    }
    #expect(try run { try MaxPool2d(window, relu: true)($0) } == run { try MaxPool2d(window)(Relu()($0)) })
  }

  @Test(arguments: [DType.f32, .f64])
  func takesTheLargestUnderTheWindow(dtype: DType) throws {
    let x = try Tensor.from((0..<16).map { Double($0 * 7 % 16) }, [1, 1, 4, 4], dtype)
    // 0 7 14 5 / 12 3 10 1 / 8 15 6 13 / 4 11 2 9
    #expect(try MaxPool2d(2)(x).doubles() == [12, 14, 15, 13])
    #expect(try MaxPool2d(3, stride: 2, padding: 1)(x).doubles() == [12, 14, 15, 15])
  }

  @Test(arguments: [DType.f32, .f64])
  func passesNaNOn(dtype: DType) throws {
    let y = try MaxPool2d(2)(.from([1, .nan, 3, 4, 1, 2, 3, 4], [1, 1, 2, 4], dtype)).doubles()
    #expect(y[0].isNaN && y[1] == 4)
  }

  @Test func refusesPaddingThatLeavesWindowsEmpty() {
    let error = #expect(throws: ShapeError.self) { try MaxPool2d(2, padding: 2).shape(of: [[1, 1, 8, 8]]) }
    #expect(
      error?.description == "max_pool2d: padding leaves windows of input [1, 1, 8, 8] with nothing in them; "
        + "half of the kernel's 2 x 2 pixels is always safe")
  }
}

@Suite struct AvgPool2dTests {
  @Test(arguments: pooledShapes, [true, false])
  func gradient(pooled: (window: Window2d, x: Shape), countIncludePad: Bool) throws {
    try expectGradient(of: AvgPool2d(pooled.window, countIncludePad: countIncludePad), pooled.x)
  }

  @Test(arguments: [DType.f32, .f64])
  func dividesByWhatItIsToldTo(dtype: DType) throws {
    let x = try Tensor.from([1, 2, 3, 4], [1, 1, 2, 2], dtype)
    #expect(try AvgPool2d(2, padding: 1)(x).doubles() == [0.25, 0.5, 0.75, 1])
    #expect(try AvgPool2d(2, padding: 1, countIncludePad: false)(x).doubles() == [1, 2, 3, 4])
  }

  @Test func refusesIntegers() {
    let error = #expect(throws: ShapeError.self) { try AvgPool2d(2)(.ones([1, 1, 4, 4], .i32)) }
    #expect(error?.description == "avg_pool2d: input must be f32 or f64, got i32")
  }
}

@Suite struct GlobalAvgPool2dTests {
  @Test func gradient() throws { try expectGradient(of: GlobalAvgPool2d(), [2, 3, 3, 4]) }

  @Test func isTheMeanOfEveryChannel() throws {
    let y = try GlobalAvgPool2d()(Tensor([1, 2, 1, 3], [Float(1), 2, 6, -1, 0, 4]))
    #expect(y.shape == [1, 2, 1, 1])
    #expect(try y.doubles() == [3, 1])
  }
}
