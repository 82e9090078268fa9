import Testing

@testable import Tensors

@Suite struct TopKTests {
  /// A NaN is largest, as PyTorch has it; the first among equals comes first, as ONNX has it.
  @Test(arguments: [DType.f32, .f64]) func placesAreInOrder(dtype: DType) throws {
    let x = try Tensor.from([3, .nan, 1, 5, 5], [5], dtype)
    let best = try x.topk(3)
    #expect(try best.indices.array(Int64.self) == [1, 3, 4])
    #expect(try best.values.doubles().dropFirst() == [5, 5])
    #expect(try x.topk(5, largest: false).indices.array(Int64.self) == [2, 0, 3, 4, 1])
  }

  @Test(arguments: [0, 1, 7, 64, 65, 200]) func agreesWithSorting(k: Int) throws {
    var generator = Generator(seed: 9)
    let values = (0..<400).map { _ in (generator.uniform() * 50).rounded() }
    let x = try Tensor([2, 200], values)
    for largest in [true, false] {
      let places = try x.topk(k, axis: 1, largest: largest).indices.array(Int64.self)
      let expected = (0..<2).flatMap { line in
        let row = values[(line * 200)..<((line + 1) * 200)].enumerated()
        return row.sorted { largest ? $0.element > $1.element : $0.element < $1.element }.prefix(k).map {
          Int64($0.offset)
        }
      }
      #expect(places == expected)
    }
  }

  @Test func gradientFlowsToTheValues() throws {
    let x = try Tensor([2, 3], [1, 5, 3, 9, 2, 4] as [Float])
    x.requiresGrad = true
    let best = try x.topk(2, axis: 0)
    #expect(try best.indices.array(Int64.self) == [1, 0, 1, 0, 1, 0])
    try (best.values * Tensor([2, 3], [1, 2, 3, 4, 5, 6] as [Float])).sum().backward()
    #expect(try x.grad?.doubles() == [4, 2, 6, 1, 5, 3])
  }

  @Test func refusesMoreThanThereAre() {
    let error = #expect(throws: ShapeError.self) { try TopK(4, axis: 1).shape(of: [[2, 3]]) }
    #expect(error?.description == "topk: dimension 2 of [2, 3] has 3 elements, asked for 4")
    #expect(throws: ShapeError.self) { try TopK(-1, axis: 0).shape(of: [[2]]) }
  }
}
