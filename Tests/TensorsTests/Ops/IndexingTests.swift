import Tensors
import TestSupport
import Testing

@Suite struct IndexingTests {
  @Test func gradients() throws {
    let indices = try Tensor([3], [2, 0, 2] as [Int64])
    try expectGradient(of: IndexSelect(axis: 0), [3, 2], [3], fixed: [1: indices])
    try expectGradient(of: IndexSelect(axis: 1), [2, 3, 2], [3], fixed: [1: indices])
    let places = try Tensor([2, 2], [1, 0, 1, 1] as [Int64])
    try expectGradient(of: Gather(axis: 0), [2, 3], [2, 2], fixed: [1: places])
    try expectGradient(of: Gather(axis: 1), [3, 2], [2, 2], fixed: [1: places])
    let condition = try Tensor([2, 1], [Truth(true), Truth(false)])
    try expectGradient(of: Where(), [2, 1], [2, 3], [3], fixed: [0: condition])
    try expectGradient(of: Pad(before: [1, 0], after: [0, 2], value: 7), [2, 3])
    try expectGradient(of: Tile(axis: 1, count: 3), [2, 3])
    try expectGradient(of: Cumsum(axis: 1), [2, 3, 2])
    try expectGradient(of: Cumsum(axis: 0, reverse: true), [3, 2])
    try expectGradient(of: Cumsum(axis: 1, exclusive: true), [2, 3, 2])
    try expectGradient(of: Cumsum(axis: 0, exclusive: true, reverse: true), [3, 2])
    try expectGradient(of: Squeeze(axis: 1), [2, 1, 3])
    try expectGradient(of: Unsqueeze(axis: 2), [2, 3])
    try expectGradient(of: Flatten(), [2, 3, 4])
    try expectGradient(of: Cast(to: .f64), [3], single: false)
  }

  @Test func gathersLikePyTorch() throws {
    let x = try Tensor([2, 3], [1, 2, 3, 4, 5, 6] as [Float])
    let y = try x.gather(axis: 1, Tensor([2, 2], [0, 2, 1, 1] as [Int64]))
    #expect(try y.doubles() == [1, 3, 5, 5])
    #expect(try x.transposed().gather(axis: 0, Tensor([1, 2], [2, 0] as [Int32])).doubles() == [3, 4])
  }

  @Test(arguments: [DType.f32, .f64, .i32, .u8]) func choosesAlikeForEveryLayout(dtype: DType) throws {
    let a = try pattern([2, 3, 2, 2], dtype, o: 0)
    let (b, condition) = (try a * 2.0, try a.greater(4.0))
    let expected = zip(try a.doubles(), try b.doubles()).map { $0 > 4 ? $0 : $1 }
    #expect(try condition.choose(a, b).doubles() == expected)
    #expect(try condition.choose(a.channelsLast(), b).doubles() == expected)
    #expect(try condition.channelsLast().choose(a.channelsLast(), b.channelsLast()).doubles() == expected)
  }

  @Test func indicesOfAnyRankReplaceTheDimension() throws {
    let x = try Tensor.arange(start: 0, count: 6).reshaped([3, 2])
    let y = try x.indexSelect(axis: 0, Tensor([2, 2], [0, 1, 2, 0] as [Int64]))
    #expect(y.shape == [2, 2, 2])
    #expect(try y.doubles() == [0, 1, 2, 3, 4, 5, 0, 1])
  }

  @Test(arguments: [3, -1, Int64.max, .min]) func refusesIndicesOutside(index: Int64) throws {
    let (x, indices) = (try Tensor.ones([3]), try Tensor([1], [index]))
    let error = #expect(throws: IndexError.self) { try x.gather(axis: 0, indices) }
    #expect(error?.description == "gather: index \(index) is out of range, valid are 0 to 2")
    #expect(throws: IndexError.self) { try x.indexSelect(axis: 0, indices) }
    #expect(throws: IndexError.self) { try indices.oneHot(depth: 3) }
    let counted = IndexError(function: "gather", index: 3, bound: 3).described(from: 1)
    #expect(counted == "gather: index 4 is out of range, valid are 1 to 3")
  }

  @Test func picksByMask() throws {
    let x = try Tensor([2, 3], [1, 2, 3, 4, 5, 6] as [Float])
    x.requiresGrad = true
    let y = try x.masked(x.greater(3.5))
    #expect(try y.doubles() == [4, 5, 6])
    try y.sum().backward()
    #expect(try x.grad?.doubles() == [0, 0, 0, 1, 1, 1])
    #expect(try x.masked(x.greater(10)).shape == [0])
    #expect(try x.masked(Tensor([3], [Truth(true), Truth(false), Truth(true)])).doubles() == [1, 3, 4, 6])
  }

  @Test func oneHotMarksThePlace() throws {
    let y = try Tensor([2], [2, 0] as [Int64]).oneHot(depth: 3, .i32)
    #expect(try y.array(Int32.self) == [0, 0, 1, 1, 0, 0])
    #expect(throws: ShapeError.self) { try Tensor.ones([1]).oneHot(depth: 3) }
    #expect(throws: ShapeError.self) { try Tensor.zeros([1], .i64).oneHot(depth: -1) }
  }

  @Test func flattensAnyBatch() throws {
    #expect(try Flatten().shape(of: [[7, 2, 3]]) == [7, 6])
    #expect(try Tensor.zeros([0, 2, 3]).flattened().shape == [0, 6])
    #expect(try Tensor.zeros([2, 3, 4]).flattened(from: 0).shape == [24])
  }

  @Test func stacksAndTiles() throws {
    let (a, b) = (try Tensor([2], [1, 2] as [Float]), try Tensor([2], [3, 4] as [Float]))
    #expect(try Tensor.stack([a, b], axis: -1).doubles() == [1, 3, 2, 4])
    #expect(try Tensor.stack([a, b]).shape == [2, 2])
    #expect(try Tensor.stack([a, b]).tiled([1, 2]).doubles() == [1, 2, 1, 2, 3, 4, 3, 4])
    #expect(throws: ShapeError.self) { try Tensor.stack([a, Tensor.ones([3])]) }
    #expect(throws: ShapeError.self) { try a.tiled([Int.max]) }
    #expect(throws: ShapeError.self) { try a.padded(before: [Int.max], after: [1]) }
  }

  @Test func selectsOneIndex() throws {
    let x = try Tensor.arange(start: 0, count: 6).reshaped([2, 3])
    #expect(try x.select(axis: -1, index: 1).doubles() == [1, 4])
    #expect(throws: IndexError.self) { try x.select(axis: 0, index: 2) }
  }
}
