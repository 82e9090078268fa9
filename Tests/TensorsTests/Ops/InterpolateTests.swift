import TestSupport
import Testing

@testable import Tensors

@Suite struct InterpolateTests {
  private static let gradients: [(op: Interpolate, x: Shape)] = [
    (Interpolate(.size([3, 5])), Shape([1, 2, 2, 3])),
    (Interpolate(.scale([2, 1.5]), mode: .bilinear), Shape([2, 1, 2, 3])),
    (Interpolate(.size([3]), mode: .bilinear, alignCorners: true), Shape([1, 2, 5, 4])),
    (Interpolate(.scale([0.5])), Shape([1, 2, 4, 5])),
    (Interpolate(.size([1, 1]), mode: .bilinear), Shape([1, 1, 3, 3])),
    (Interpolate(.scale([2]), mode: .linear), Shape([2, 2, 3])),
    (Interpolate(.size([5])), Shape([1, 2, 3])),
  ]

  @Test(arguments: gradients)
  func gradient(op: Interpolate, x: Shape) throws { try expectGradient(of: op, x) }

  /// Expected numbers computed with PyTorch 2 from the pattern [1, 2, 2, 3].
  private static let figures: [(Interpolate, [Double])] = [
    (
      Interpolate(.size([3, 5])),
      [
        -5, -5, 2, 2, -2, -5, -5, 2, 2, -2, 5, 5, 1, 1, -3, 4, 4, 0, 0, -4, 4, 4, 0, 0, -4, 3, 3, -1, -1, -5,
      ]
    ),
    (
      Interpolate(.scale([2, 1.5])),
      [
        -5, -5, 2, -2, -5, -5, 2, -2, 5, 5, 1, -3, 5, 5, 1, -3, 4, 4, 0, -4, 4, 4, 0, -4, 3, 3, -1, -5, 3, 3,
        -1, -5,
      ]
    ),
    (
      Interpolate(.size([3, 5]), mode: .bilinear),
      [
        -5, -2.2, 2, -0.4, -2, 0, 0.6, 1.5, -0.9, -2.5, 5, 3.4, 1, -1.4, -3, 4, 2.4, 0, -2.4, -4, 3.5, 1.9,
        -0.5,
        -2.9, -4.5, 3, 1.4, -1, -3.4, -5,
      ]
    ),
    (
      Interpolate(.size([3, 5]), mode: .bilinear, alignCorners: true),
      [
        -5, -1.5, 2, 0, -2, 0, 0.75, 1.5, -0.5, -2.5, 5, 3, 1, -1, -3, 4, 2, 0, -2, -4, 3.5, 1.5, -0.5, -2.5,
        -4.5,
        3, 1, -1, -3, -5,
      ]
    ),
    (
      Interpolate(.scale([1.7]), mode: .bilinear),
      [
        -5, -2.32352941, 1.79411765, -0.23529412, -2, -1.17647059, -0.10813149, 1.53546713, -0.61764706,
        -2.38235294,
        4.70588235, 3.30017301, 1.13754325, -1.20588235, -2.97058824, 4, 2.47058824, 0.11764706, -2.23529412,
        -4,
        3.61764706, 2.08823529, -0.26470588, -2.61764706, -4.38235294, 3.02941176, 1.5, -0.85294118,
        -3.20588235,
        -4.97058824,
      ]
    ),
  ]

  @Test(arguments: [DType.f32, .f64], figures.indices)
  func computesWhatPyTorchDoes(dtype: DType, figure: Int) throws {
    let (op, expected) = Self.figures[figure]
    #expect(try matches(op(pattern([1, 2, 2, 3], dtype)), expected))
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64]) func shrinksAndTakesSequences(dtype: DType) throws {
    let small = try Interpolate(.size([2, 3]), mode: .bilinear)(pattern([1, 1, 5, 4], dtype))
    #expect(try matches(small, [-0.70833333, 0.375, 1.45833333, 0.54166667, 1.625, 0.41666667]))
    let long = try Interpolate(.scale([2]), mode: .linear)(pattern([1, 2, 4], dtype))
    #expect(try matches(long, [-5, -3.25, 0.25, 1, -1, -0.25, 3.25, 5, 1, 0, -2, -1.25, 2.25, 3, 1, 0]))
  }

  private static let mistakes: [(op: Interpolate, x: Shape, problem: String)] = [
    (
      Interpolate(.size([3, 5, 2])), Shape([1, 2, 2, 3]),
      "needs one size or factor, or one for each of 2 dimensions, got 3"
    ),
    (Interpolate(.size([0])), Shape([1, 2, 2, 3]), "input [1, 2, 2, 3] cannot be made 0 x 0"),
    (Interpolate(.size([-1])), Shape([1, 2, 4]), "input [1, 2, 4] cannot be made -1"),
    (
      Interpolate(.size([4]), mode: .linear), Shape([1, 2, 2, 3]),
      "mode 'linear' is for [N, C, L], input is [1, 2, 2, 3]"
    ),
    (
      Interpolate(.size([4]), alignCorners: true), Shape([1, 2, 3]),
      "align_corners has no meaning in the mode 'nearest'"
    ),
    (
      Interpolate(.scale([.nan])), Shape([1, 2, 3]),
      "scale_factor must be positive and leave a tensor that fits (got nan)"
    ),
  ]

  @Test(arguments: mistakes)
  func explains(op: Interpolate, x: Shape, problem: String) {
    let error = #expect(throws: ShapeError.self) { try op.shape(of: [x]) }
    #expect(error?.description == "interpolate: " + problem)
  }
}
