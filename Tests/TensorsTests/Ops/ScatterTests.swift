import TestSupport
import Testing

@testable import Tensors

@Suite struct ScatterTests {
  private let indices = [Int64(2), 0, 1, 1]

  @Test(arguments: Scatter.Reduction.allCases) func gradient(reduction: Scatter.Reduction) throws {
    let places = try Tensor([2, 2], indices)
    try expectGradient(
      of: Scatter(axis: 1, reduction: reduction), [2, 3], [2, 2], [2, 2], fixed: [1: places])
    try expectGradient(
      of: Scatter(axis: 0, reduction: reduction), [3, 2, 2], [2, 2, 1], [2, 2, 1],
      fixed: [
        1: try places.reshaped([2, 2, 1])
      ])
  }

  /// Expected numbers computed with PyTorch 2.
  @Test(arguments: [DType.f32, .f64, .i64, .i32, .i8, .u8]) func computesWhatPyTorchDoes(dtype: DType) throws
  {
    let x = try pattern([2, 3], dtype, o: 0)
    let (places, updates) = (try Tensor([2, 2], indices), try Tensor.from([10, 20, 30, 40], [2, 2], dtype))
    #expect(try x.doubles() == [0, 7, 3, 10, 6, 2])
    #expect(try x.scatter(axis: 1, places, updates).doubles() == [20, 7, 10, 10, 40, 2])
    #expect(try x.scatter(axis: -1, places, updates, reduction: .add).doubles() == [20, 7, 13, 10, 76, 2])
  }

  @Test func leavesItsInputAlone() throws {
    let x = try Tensor.zeros([3])
    let y = try x.scatter(axis: 0, Tensor([1], [1] as [Int32]), .ones([1]))
    #expect(try x.doubles() == [0, 0, 0] && y.doubles() == [0, 1, 0])
  }

  @Test func explains() throws {
    func message(_ shapes: [Shape]) -> String? {
      (#expect(throws: ShapeError.self) { try Scatter(axis: 0).shape(of: shapes) })?.description
    }
    #expect(
      message([[2, 3], [2, 4], [2, 4]])
        == "scatter: indices [2, 4] must fit within [2, 3] in all dimensions but 1")
    #expect(
      message([[2, 3], [2, 2], [2, 3]]) == "scatter: updates [2, 3] must have the shape of the indices [2, 2]"
    )
    #expect(throws: IndexError.self) {
      try Tensor.ones([3]).scatter(axis: 0, Tensor([1], [Int64(3)]), .ones([1]))
    }
    #expect(throws: ShapeError.self) {
      try Tensor.ones([3]).scatter(axis: 0, Tensor([1], [Int64(0)]), .ones([1], .f64))
    }
  }
}
