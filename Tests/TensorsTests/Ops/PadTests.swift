import TestSupport
import Testing

@testable import Tensors

@Suite struct PadTests {
  @Test(arguments: Pad.Mode.allCases) func gradient(mode: Pad.Mode) throws {
    try expectGradient(of: Pad(before: [0, 2, 1], after: [0, 1, 2], mode: mode, value: 7), [2, 3, 3])
    try expectGradient(of: Pad(before: [1], after: [2], mode: mode), [4])
  }

  /// Expected numbers computed with PyTorch 2.
  private static let figures: [Pad.Mode: [Double]] = [
    .reflect: [
      4, -3, 1, -3, 4, 0, 4, -2, 2, -5, 2, -2, 5, -2, 4, -3, 1, -3, 4, 0, 4, -1, 3, -4, 3, -1, -5, -1, 4, -3,
      1, -3, 4,
      0, 4, -2, 2, -5, 2, -2, 5, -2,
    ],
    .replicate: [
      -5, -5, -5, 2, -2, 5, 5, -5, -5, -5, 2, -2, 5, 5, 1, 1, 1, -3, 4, 0, 0, -4, -4, -4, 3, -1, -5, -5, -4,
      -4, -4, 3,
      -1, -5, -5, -4, -4, -4, 3, -1, -5, -5,
    ],
    .circular: [
      -1, -5, -4, 3, -1, -5, -4, -2, 5, -5, 2, -2, 5, -5, 4, 0, 1, -3, 4, 0, 1, -1, -5, -4, 3, -1, -5, -4, -2,
      5, -5,
      2, -2, 5, -5, 4, 0, 1, -3, 4, 0, 1,
    ],
  ]

  @Test(arguments: [DType.f32, .f64, .i32, .i8], figures.keys.sorted { $0.rawValue < $1.rawValue })
  func computesWhatPyTorchDoes(dtype: DType, mode: Pad.Mode) throws {
    let x = try pattern([1, 1, 3, 4], dtype)
    let y = try x.padded(before: [0, 0, 1, 2], after: [0, 0, 2, 1], mode: mode)
    #expect(y.shape == [1, 1, 6, 7])
    #expect(try y.doubles() == Self.figures[mode])
  }

  @Test(
    arguments: [
      (Pad.Mode.reflect, 3, "mode 'reflect' can add at most 2 on a side of dimension 1 of [3], got 3"),
      (.circular, 4, "mode 'circular' can add at most 3 on a side of dimension 1 of [3], got 4"),
      (.constant, -1, "padding cannot be negative"),
    ]) func explains(mode: Pad.Mode, count: Int, problem: String)
  {
    let error = #expect(throws: ShapeError.self) {
      try Pad(before: [0], after: [count], mode: mode).shape(of: [[3]])
    }
    #expect(error?.description == "pad: " + problem)
    #expect(throws: ShapeError.self) { try Pad(before: [1], after: [0], mode: .replicate).shape(of: [[0]]) }
  }
}
