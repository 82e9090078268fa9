import CKernels
import Testing

@Suite struct F32ProductTests {
  /// How matrices may lie: by rows, by columns, every other element, backwards.
  private static let layouts: [@Sendable (_ rows: Int, _ columns: Int) -> (row: Int, column: Int)] = [
    { _, columns in (columns, 1) }, { rows, _ in (1, rows) }, { _, columns in (2 * columns, 2) },
    { _, columns in (-columns, -1) }, { _, _ in (0, 0) },
  ]

  @Test(arguments: [1, 3, 16, 70], [1, 5, 16, 40])
  func productsAgreeWithDoublePrecision(inner: Int, columns: Int) {
    let rows = 4
    let numbers = randomFloats(20_000, seed: 1), bias = randomFloats(columns, seed: 2)
    let middle = numbers.count / 2
    for (left, right) in Self.layouts.flatMap({ left in Self.layouts.map { (left, $0) } }) {
      let (a, b) = (left(rows, inner), right(inner, columns))
      for withBias in [false, true] {
        var c = [Float](repeating: 7, count: rows * columns)
        numbers.withUnsafeBufferPointer { numbers in
          let start = numbers.baseAddress! + middle
          qk_f32_product(
            rows, inner, columns, start, a.row, a.column, start, b.row, b.column, withBias ? bias : nil, &c)
        }
        for r in 0..<rows {
          for i in 0..<columns {
            let exact = (0..<inner).reduce(withBias ? Double(bias[i]) : 0) { sum, k in
              let x = numbers[middle + r * a.row + k * a.column]
              let y = numbers[middle + k * b.row + i * b.column]
              return sum + Double(x) * Double(y)
            }
            #expect(abs(Double(c[r * columns + i]) - exact) < 2e-4, "\(a) \(b) at \(r), \(i)")
          }
        }
      }
    }
  }
}
