import Testing

@testable import Tensors

@Suite struct RowGradientTests {
  private func table(_ dtype: DType) throws -> Tensor {
    let table = try pattern([6, 2], dtype)
    table.requiresGrad = true
    return table
  }

  private func backward(_ table: Tensor, _ indices: [Int64], isSparse: Bool) throws {
    let y = try Embedding(isSparse: isSparse)(table, Tensor([indices.count], indices))
    try (y * pattern(y.shape, table.dtype, a: 3, m: 5, o: 2, d: 7)).sum().backward()
  }

  @Test(arguments: [DType.f32, .f64]) func holdsTheRowsLookedUpAndNoOthers(dtype: DType) throws {
    let (sparse, dense) = (try table(dtype), try table(dtype))
    for indices in [[4, 1, 4], [0, 4]] as [[Int64]] {
      try backward(sparse, indices, isSparse: true)
      try backward(dense, indices, isSparse: false)
    }
    #expect(sparse.rowGradient?.rows == [0, 1, 4])
    #expect(sparse.rowGradient?.values.shape == [3, 2])
    #expect(dense.rowGradient == nil)
    for (a, b) in zip(try #require(try sparse.grad?.doubles()), try #require(try dense.grad?.doubles())) {
      #expect(abs(a - b) <= 1e-6)
    }
  }

  @Test func joinsAWholeGradientInEitherOrder() throws {
    for rowsFirst in [true, false] {
      let (mixed, dense) = (try table(.f64), try table(.f64))
      if rowsFirst { try backward(mixed, [1, 5], isSparse: true) }
      try mixed.square().sum().backward()
      if !rowsFirst { try backward(mixed, [1, 5], isSparse: true) }
      try dense.square().sum().backward()
      try backward(dense, [1, 5], isSparse: false)
      #expect(mixed.rowGradient == nil)
      #expect(try mixed.grad?.doubles() == dense.grad?.doubles())
    }
  }

  @Test func aTableThatWasComputedGetsAWholeGradient() throws {
    let leaf = try table(.f64)
    let y = try Embedding(isSparse: true)(leaf * 2, Tensor([2], [Int64(3), 3]))
    try y.sum().backward()
    #expect(leaf.rowGradient == nil)
    #expect(try leaf.grad?.doubles() == [0, 0, 0, 0, 0, 0, 4, 4, 0, 0, 0, 0])
  }

  @Test func acceptsNoIndicesAndCanBeForgotten() throws {
    let leaf = try table(.f32)
    try backward(leaf, [], isSparse: true)
    #expect(leaf.rowGradient?.rows == [])
    #expect(try leaf.grad?.doubles() == Array(repeating: 0, count: 12))
    leaf.grad = nil
    #expect(leaf.rowGradient == nil && leaf.grad == nil)
  }
}
