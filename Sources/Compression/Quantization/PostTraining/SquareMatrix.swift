import Tensors

/// A dense [n, n] matrix of f64, row-major.
struct SquareMatrix {
  let size: Int
  private(set) var values: [Double]

  init(size: Int) {
    self.size = size
    values = [Double](repeating: 0, count: size * size)
  }

  init(size: Int, _ values: [Double]) {
    precondition(values.count == size * size, "a square")
    (self.size, self.values) = (size, values)
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * size + column] }
    set { values[row * size + column] = newValue }
  }

  var diagonal: [Double] { (0..<size).map { self[$0, $0] } }

  mutating func withPointer<Result>(_ body: (UnsafeMutablePointer<Double>) -> Result) -> Result? {
    values.withUnsafeMutableBufferPointer { $0.baseAddress.map(body) }
  }

  /// Row and column i of the result are `order[i]` of this one.
  func permuted(_ order: [Int]) -> SquareMatrix {
    var result = SquareMatrix(size: order.count)
    for (i, row) in order.enumerated() {
      for (j, column) in order.enumerated() { result[i, j] = self[row, column] }
    }
    return result
  }
}

extension SquareMatrix {
  /// Rows and columns worked on at a time: two such blocks fit into the first cache.
  private static let block = 48

  /// The lower triangle L with `L L^T` = this symmetric matrix, of which the lower triangle is read; nil where it is not
  /// positive definite. Blocked, right-looking (Golub and Van Loan, "Matrix computations", section 4.2.9).
  func cholesky() -> SquareMatrix? {
    var result = self
    let n = size
    let isDefinite = result.withPointer { a -> Bool in
      var across = [Double](repeating: 0, count: Self.block * n)
      return across.withUnsafeMutableBufferPointer { buffer -> Bool in
        guard let transposed = buffer.baseAddress else { return true }
        for start in stride(from: 0, to: n, by: Self.block) {
          let width = Swift.min(Self.block, n - start)
          guard Self.factorBlock(a, n, start, width) else { return false }
          let below = start + width
          // The columns of the panel as rows, so that the update reads along them.
          for row in below..<n {
            for k in 0..<width { transposed[k * n + row] = a[row * n + start + k] }
          }
          for top in stride(from: below, to: n, by: Self.block) {
            let rows = Swift.min(Self.block, n - top)
            DenseProduct.subtract(
              a + top * n + start, n, transposed + below, n, from: a + top * n + below, n, rows: rows,
              inner: width, columns: top + rows - below)
          }
        }
        for row in 0..<n { for column in row + 1..<Swift.max(n, row + 1) { a[row * n + column] = 0 } }
        return true
      }
    }
    return isDefinite ?? true ? result : nil
  }

  /// The diagonal block, and the panel below it.
  private static func factorBlock(
    _ a: UnsafeMutablePointer<Double>, _ n: Int, _ start: Int, _ width: Int
  ) -> Bool {
    for j in start..<start + width {
      var pivot = a[j * n + j]
      for k in start..<j { pivot -= a[j * n + k] * a[j * n + k] }
      guard pivot > 0, pivot.isFinite else { return false }
      let root = pivot.squareRoot()
      a[j * n + j] = root
      for i in j + 1..<Swift.max(n, j + 1) {
        var sum = a[i * n + j]
        for k in start..<j { sum -= a[i * n + k] * a[j * n + k] }
        a[i * n + j] = sum / root
      }
    }
    return true
  }

  /// The inverse of this lower triangle.
  func lowerInverse() -> SquareMatrix {
    var result = SquareMatrix(size: size)
    let n = size
    values.withUnsafeBufferPointer { buffer in
      guard let l = buffer.baseAddress else { return }
      _ = result.withPointer { m in
        for start in stride(from: 0, to: n, by: Self.block) {
          let rows = Swift.min(Self.block, n - start)
          // -L[rows, before] M[before, before], block by block of columns, above the diagonal nothing.
          for left in stride(from: 0, to: start, by: Self.block) {
            let columns = Swift.min(Self.block, start - left)
            DenseProduct.subtract(
              l + start * n + left, n, m + left * n + left, n, from: m + start * n + left, n, rows: rows,
              inner: start - left, columns: columns)
          }
          for i in start..<start + rows { m[i * n + i] = 1 }
          // Forward substitution within the rows of the block.
          for i in start..<start + rows {
            for k in start..<i {
              let factor = l[i * n + k]
              for j in 0...k { m[i * n + j] -= factor * m[k * n + j] }
            }
            let scale = 1 / l[i * n + i]
            for j in 0...i { m[i * n + j] *= scale }
          }
        }
      }
    }
    return result
  }
}

/// `c -= a b` for row-major matrices of f64.
enum DenseProduct {
  typealias Matrix = UnsafePointer<Double>

  /// - Parameters: each matrix with the distance of its rows.
  static func subtract(
    _ a: Matrix, _ aStride: Int, _ b: Matrix, _ bStride: Int, from c: UnsafeMutablePointer<Double>,
    _ cStride: Int,
    rows: Int, inner: Int, columns: Int
  ) {
    let wide = columns & ~7
    for row in stride(from: 0, to: rows & ~1, by: 2) {
      for column in stride(from: 0, to: wide, by: 8) {
        pair(a + row * aStride, aStride, b + column, bStride, c + row * cStride + column, cStride, inner)
      }
    }
    for row in 0..<rows {
      let start = row < rows & ~1 ? wide : 0
      for k in 0..<inner {
        let factor = a[row * aStride + k]
        for column in start..<Swift.max(columns, start) {
          c[row * cStride + column] -= factor * b[k * bStride + column]
        }
      }
    }
  }

  /// Two rows of eight columns, whose sums stay in registers.
  @inline(__always)
  private static func pair(
    _ a: Matrix, _ aStride: Int, _ b: Matrix, _ bStride: Int, _ c: UnsafeMutablePointer<Double>,
    _ cStride: Int,
    _ inner: Int
  ) {
    var (first, second) = (SIMD8<Double>(), SIMD8<Double>())
    for k in 0..<inner {
      let line = UnsafeRawPointer(b + k * bStride).loadUnaligned(as: SIMD8<Double>.self)
      first += a[k] * line
      second += a[aStride + k] * line
    }
    for i in 0..<8 {
      c[i] -= first[i]
      c[cStride + i] -= second[i]
    }
  }
}
