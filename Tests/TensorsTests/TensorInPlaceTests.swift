import Tensors
import Testing

@Suite struct TensorInPlaceTests {
  @Test(arguments: [DType.f32, .f64]) func changesTheTensor(type: DType) throws {
    let x = try Tensor.from([1, 2, 3, 4], [2, 2], type)
    let row = try Tensor.from([10, 20], [2], type)
    try x.addInPlace(row)
    #expect(try x.doubles() == [11, 22, 13, 24])
    try x.addInPlace(x.copy(), scale: -0.5)
    #expect(try x.doubles() == [5.5, 11, 6.5, 12])
    try x.addInPlace(row, scale: 2)
    #expect(try x.doubles() == [25.5, 51, 26.5, 52])
    try x.subtractInPlace(row)
    try x.multiplyInPlace(2)
    #expect(try x.doubles() == [31, 62, 33, 64])
    try x.divideInPlace(row)
    #expect(try x.doubles()[1] == 3.1 || type == .f32)
  }

  @Test func worksOnAView() throws {
    let x = try Tensor([2, 2], [1, 2, 3, 4] as [Float])
    try x.transposed().addInPlace(Tensor([2], [10, 20] as [Float]))
    #expect(try x.doubles() == [11, 12, 23, 24])
  }

  @Test func wrapsIntegers() throws {
    let x = try Tensor([1], [Int8.max])
    try x.addInPlace(Tensor([1], [Int8(1)]))
    #expect(try x.array(Int8.self) == [.min])
  }

  @Test func refusesToLoseAGradient() throws {
    let x = try Tensor.ones([2])
    x.requiresGrad = true
    let error = #expect(throws: AutogradError.self) { try x.addInPlace(.ones([2])) }
    #expect(error?.description.hasPrefix("add_: a gradient flows through this tensor") == true)
    try Tape.withoutGradients { try x.multiplyInPlace(3) }
    #expect(try x.doubles() == [3, 3])
  }

  @Test func refusesWhatDoesNotFit() throws {
    let x = try Tensor.ones([2])
    #expect(throws: ShapeError.self) { try x.addInPlace(.ones([2, 2])) }
    #expect(throws: ShapeError.self) { try x.addInPlace(.ones([2], .f64)) }
    #expect(throws: ShapeError.self) { try Tensor.ones([2], .i32).divideInPlace(.ones([2], .i32)) }
    #expect(throws: ShapeError.self) { try Tensor.ones([2], .i32).addInPlace(.ones([2], .i32), scale: 2) }
  }
}
