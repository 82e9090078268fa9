import TestSupport
import Testing

@testable import Tensors

@Suite struct AttentionTests {
  private func random(_ shape: Shape, seed: UInt64) throws -> Tensor {
    var generator = Generator(seed: seed)
    return try Tensor(shape, (0..<shape.elements).map { _ in generator.normal() })
  }

  /// The formula, one number at a time.
  private func reference(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, visible: (Int, Int) -> Bool)
    throws
    -> [Double]
  {
    let (n, t, s) = (q.shape[0], q.shape[1], k.shape[1])
    let (d, e) = (q.shape[2] / heads, v.shape[2] / heads)
    let (a, b, c) = (try q.doubles(), try k.doubles(), try v.doubles())
    var result = [Double](repeating: 0, count: n * t * heads * e)
    for image in 0..<n {
      for head in 0..<heads {
        for row in 0..<t {
          let weights = (0..<s).map { column -> Double in
            guard visible(row, column) else { return 0 }
            let dot = (0..<d).reduce(0.0) {
              $0 + a[((image * t + row) * heads + head) * d + $1]
                * b[((image * s + column) * heads + head) * d + $1]
            }
            return Libm.exp(dot / Double(d).squareRoot())
          }
          let total = weights.reduce(0, +)
          for i in 0..<e {
            result[((image * t + row) * heads + head) * e + i] = (0..<s).reduce(0) {
              $0 + weights[$1] / total * c[((image * s + $1) * heads + head) * e + i]
            }
          }
        }
      }
    }
    return result
  }

  @Test(arguments: [1, 2, 3], [false, true])
  func isTheFormula(heads: Int, causal: Bool) throws {
    let (q, k) = (try random([2, 5, 6], seed: 1), try random([2, 5, 6], seed: 2))
    let v = try random([2, 5, 12], seed: 3)
    let expected = try reference(q, k, v, heads: heads) { !causal || $1 <= $0 }
    let op = Attention(heads: heads, isCausal: causal)
    for (a, b) in zip(try op(q, k, v).doubles(), expected) { #expect(abs(a - b) < 1e-12) }
    let single = try op(q.converted(to: .f32), k.converted(to: .f32), v.converted(to: .f32))
    for (a, b) in zip(try single.doubles(), expected) { #expect(abs(a - b) < 1e-5) }
  }

  @Test func looksOnlyWhereTheMaskAllows() throws {
    let (q, k, v) = (
      try random([1, 2, 4], seed: 1), try random([1, 3, 4], seed: 2), try random([1, 3, 4], seed: 3)
    )
    let mask = try Tensor([1, 1, 1, 3], [0, 0, -Double.infinity])
    let masked = try Attention(heads: 2)(q, k, v, mask).doubles()
    let expected = try reference(q, k, v, heads: 2) { $1 < 2 }
    for (a, b) in zip(masked, expected) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func hasItsGradient() throws {
    try expectGradient(of: Attention(heads: 2), [2, 3, 4], [2, 5, 4], [2, 5, 6])
    try expectGradient(of: Attention(heads: 1, isCausal: true), [1, 4, 3], [1, 4, 3], [1, 4, 3])
    try expectGradient(of: Attention(heads: 2, scale: 0.3), [1, 2, 4], [1, 3, 4], [1, 3, 4], [2, 1, 3])
  }

  @Test(
    arguments: [
      ([[1, 2, 4], [1, 2, 4], [1, 3, 4]], "do not fit together"),
      ([[1, 2, 3], [1, 2, 3], [1, 2, 3]], "do not divide into 2 heads"),
      ([[2, 4], [2, 4], [2, 4]], "needs q, k and v of [N, positions, features]"),
      ([[1, 2, 4], [1, 3, 4], [1, 3, 4], [5]], "mask [5] does not broadcast to the scores [1, 2, 2, 3]"),
    ] as [([Shape], String)])
  func refusesShapesThatDoNotFit(shapes: [Shape], problem: String) throws {
    let error = #expect(throws: ShapeError.self) { try Attention(heads: 2).shape(of: shapes) }
    #expect(error?.description.contains(problem) == true)
  }
}
