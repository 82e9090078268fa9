import Tensors
import Testing

@testable import Compression

@Suite struct SquareMatrixTests {
  /// `x^T x` of random rows, and something on the diagonal.
  private func definite(_ n: Int) -> SquareMatrix {
    var generator = Generator(seed: UInt64(n))
    let x = (0..<(n + 3) * n).map { _ in generator.normal() }
    var result = SquareMatrix(size: n)
    for i in 0..<n {
      for j in 0..<n {
        result[i, j] = (0..<n + 3).reduce(i == j ? 0.1 : 0) { $0 + x[$1 * n + i] * x[$1 * n + j] }
      }
    }
    return result
  }

  private func product(_ a: SquareMatrix, _ b: (Int, Int) -> Double) -> SquareMatrix {
    var result = SquareMatrix(size: a.size)
    for i in 0..<a.size {
      for j in 0..<a.size { result[i, j] = (0..<a.size).reduce(0) { $0 + a[i, $1] * b($1, j) } }
    }
    return result
  }

  @Test(arguments: [1, 2, 7, 48, 49, 131])
  func `a matrix is the product of its Cholesky factor and that one's transpose`(n: Int) throws {
    let a = definite(n)
    let l = try #require(a.cholesky())
    let back = product(l) { l[$1, $0] }
    for i in 0..<n {
      for j in 0..<n {
        #expect(abs(back[i, j] - a[i, j]) < 1e-10 * Double(n + 3))
        if j > i { #expect(l[i, j] == 0) }
      }
    }
  }

  @Test(arguments: [1, 2, 7, 48, 49, 131])
  func `a triangle times its inverse is one`(n: Int) throws {
    let l = try #require(definite(n).cholesky())
    let inverse = l.lowerInverse()
    let one = product(l) { inverse[$0, $1] }
    for i in 0..<n {
      for j in 0..<n { #expect(abs(one[i, j] - (i == j ? 1 : 0)) < 1e-8) }
    }
  }

  @Test(arguments: [1.0, 0, .nan, .infinity])
  func `a matrix that is not positive definite has no factor`(last: Double) {
    var a = SquareMatrix(size: 2, [1, 1, 1, last])
    if last == .infinity { a[0, 0] = -1 }
    #expect(a.cholesky() == nil)
  }
}
