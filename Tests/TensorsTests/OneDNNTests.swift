import COneDNN
import TestSupport
import Tensors
import Testing

private func random(_ count: Int, seed: UInt64) -> [Float] {
  var generator = Generator(seed: seed)
  return (0..<count).map { _ in Float(generator.uniform()) * 2 - 1 }
}

/// The largest difference, relative to the largest true value.
private func relativeError(_ values: [Float], _ truth: [Double]) -> Double {
  let size = truth.reduce(1e-30) { max($0, abs($1)) }
  return zip(values, truth).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / size
}

@Suite struct OneDNNMatmulTests {
  /// One operand: rows and columns stored row after row, or (`turned`) column after column, lines `gap` apart.
  private struct Layout {
    var turned = false, gap = 0, shared = false
    func strides(_ rows: Int, _ columns: Int) -> (batch: Int, row: Int, column: Int, count: Int) {
      let (lines, length) = turned ? (columns, rows) : (rows, columns)
      let line = length + gap, matrix = lines * line
      return (shared ? 0 : matrix, turned ? 1 : line, turned ? line : 1, matrix)
    }
  }

  private static let layouts = [
    Layout(), Layout(turned: true), Layout(gap: 5), Layout(turned: true, gap: 3), Layout(shared: true),
    Layout(turned: true, shared: true),
  ]
  private static let sizes = [
    (1, 1, 1, 1), (1, 3, 4, 5), (3, 7, 2, 9), (1, 1, 33, 17), (1, 17, 33, 1), (2, 5, 1, 6), (1, 64, 65, 66),
    (4, 1, 8, 1),
  ]

  @Test(arguments: sizes)
  func agreesWithTheDefinitionForEveryLayout(batch: Int, rows: Int, inner: Int, columns: Int) {
    for left in Self.layouts {
      for right in Self.layouts {
        for (alpha, hasBias, accumulate) in [(Float(1), false, false), (1, true, false), (0.5, true, true)] {
          let a = left.strides(rows, inner), b = right.strides(inner, columns)
          let x = random(batch * a.count, seed: 1), y = random(batch * b.count, seed: 2)
          let bias = random(columns, seed: 3), start = random(batch * rows * columns, seed: 4)
          var shape = od_matmul_shape(
            batch: Int64(batch), rows: Int64(rows), inner: Int64(inner), columns: Int64(columns),
            a_batch_stride: Int64(a.batch), a_row_stride: Int64(a.row), a_column_stride: Int64(a.column),
            b_batch_stride: Int64(b.batch), b_row_stride: Int64(b.row), b_column_stride: Int64(b.column),
            alpha: alpha,
            accumulate: accumulate, precision: OD_F32)
          var c = start
          #expect(
            od_matmul(&shape, x, y, hasBias ? bias : nil, &c) == OD_OK, "\(String(cString: od_last_error()))")
          var truth: [Double] = []
          for i in 0..<batch {
            for r in 0..<rows {
              for k in 0..<columns {
                var sum = hasBias ? Double(bias[k]) : 0
                for p in 0..<inner {
                  let u = x[i * a.batch + r * a.row + p * a.column],
                    v = y[i * b.batch + p * b.row + k * b.column]
                  sum += Double(u) * Double(v)
                }
                sum *= Double(alpha)
                truth.append(accumulate ? sum + Double(start[truth.count]) : sum)
              }
            }
          }
          #expect(relativeError(c, truth) < 1e-5, "\(left) x \(right), alpha \(alpha)")
        }
      }
    }
  }

  /// As the heads of attention lie: each row holds a line of every matrix.
  @Test(arguments: [false, true]) func readsMatricesThatLieBetweenEachOthersLines(turned: Bool) {
    let (heads, rows, inner, columns) = (3, 5, 4, 6)
    let x = random(rows * heads * inner, seed: 1), y = random(inner * heads * columns, seed: 2)
    let (line, step) = turned ? (inner, 1) : (columns, heads * columns)
    let across = turned ? heads * inner : 1
    #expect(od_matmul_reads(3, 5, 4, 4, 12, 1))
    #expect(!od_matmul_reads(3, 5, 4, 4, 11, 1))
    var shape = od_matmul_shape(
      batch: Int64(heads), rows: Int64(rows), inner: Int64(inner), columns: Int64(columns),
      a_batch_stride: Int64(inner), a_row_stride: Int64(heads * inner), a_column_stride: 1,
      b_batch_stride: Int64(line), b_row_stride: Int64(step), b_column_stride: Int64(across), alpha: 1,
      accumulate: false, precision: OD_F32)
    var c = [Float](repeating: 0, count: heads * rows * columns)
    #expect(od_matmul(&shape, x, y, nil, &c) == OD_OK, "\(String(cString: od_last_error()))")
    var truth: [Double] = []
    for head in 0..<heads {
      for row in 0..<rows {
        for column in 0..<columns {
          truth.append(
            (0..<inner).reduce(0) { sum, p in
              sum + Double(x[(row * heads + head) * inner + p])
                * Double(y[head * line + p * step + column * across])
            })
        }
      }
    }
    #expect(relativeError(c, truth) < 1e-5)
  }

  @Test(arguments: [(32, 16, 64), (1, 3, 5), (7, 33, 17), (32, 128, 512)], [false, true])
  func aPackedMatrixGivesTheSameProducts(size: (rows: Int, inner: Int, columns: Int), turned: Bool) {
    let (rows, inner, columns) = size
    let x = random(rows * inner, seed: 1), y = random(inner * columns, seed: 2)
    for accumulate in [false, true] {
      let strides = turned ? (1, inner) : (columns, 1)
      var shape = od_matmul_shape(
        batch: 1, rows: Int64(rows), inner: Int64(inner), columns: Int64(columns), a_batch_stride: 0,
        a_row_stride: Int64(inner), a_column_stride: 1, b_batch_stride: 0, b_row_stride: Int64(strides.0),
        b_column_stride: Int64(strides.1), alpha: 1, accumulate: accumulate, precision: OD_F32)
      var packed = [Float](repeating: 0, count: Int(od_matmul_packed_count(&shape)))
      #expect(packed.count >= inner * columns)
      #expect(od_matmul_pack(&shape, y, &packed) == OD_OK)
      let start = random(rows * columns, seed: 3)
      var expected = start, actual = start
      #expect(od_matmul(&shape, x, y, nil, &expected) == OD_OK)
      #expect(od_matmul_packed(&shape, x, packed, &actual) == OD_OK)
      #expect(relativeError(actual, expected.map(Double.init)) < 1e-5)
    }
  }

  @Test func aBatchCannotBePacked() {
    var shape = dense(2, 3, 4, 5)
    #expect(od_matmul_packed_count(&shape) == 0)
    #expect(String(cString: od_last_error()).contains("only a single matrix"))
  }

  private func dense(_ batch: Int64, _ rows: Int64, _ inner: Int64, _ columns: Int64) -> od_matmul_shape {
    od_matmul_shape(
      batch: batch, rows: rows, inner: inner, columns: columns, a_batch_stride: rows * inner,
      a_row_stride: inner,
      a_column_stride: 1, b_batch_stride: inner * columns, b_row_stride: columns, b_column_stride: 1,
      alpha: 2,
      accumulate: false, precision: OD_F32)
  }

  @Test func anEmptyInnerDimensionLeavesTheBias() {
    var shape = dense(2, 1, 0, 3)
    var c: [Float] = [9, 9, 9, 9, 9, 9]
    #expect(od_matmul(&shape, nil, nil, [1, 2, 3], &c) == OD_OK)
    #expect(c == [2, 4, 6, 2, 4, 6])
    shape.accumulate = true
    #expect(od_matmul(&shape, nil, nil, nil, &c) == OD_OK)
    #expect(c == [2, 4, 6, 2, 4, 6])
  }

  @Test func emptyResultsNeedNoMemory() {
    for (batch, rows, columns) in [(0, 2, 2), (2, 0, 2), (2, 2, 0)] {
      var shape = dense(Int64(batch), Int64(rows), 3, Int64(columns))
      #expect(od_matmul(&shape, nil, nil, nil, nil) == OD_OK)
    }
  }

  @Test func infinityAndNaNGoThrough() {
    var shape = dense(1, 1, 2, 2)
    shape.alpha = 1
    var c: [Float] = [0, 0]
    #expect(od_matmul(&shape, [.infinity, 1], [1, 0, 1, 1], nil, &c) == OD_OK)
    #expect(c[0] == .infinity && c[1].isNaN)
  }

  @Test func refusesWhatOneDNNCannotRead() {
    var shape = dense(1, 2, 2, 2)
    shape.a_column_stride = 2
    shape.a_row_stride = 4
    #expect(!od_matmul_reads(1, 2, 2, 0, 4, 2))
    var c: [Float] = [9, 9, 9, 9]
    #expect(od_matmul(&shape, [Float](repeating: 1, count: 8), c, nil, &c) == OD_INVALID)
    #expect(c == [9, 9, 9, 9] && String(cString: od_last_error()).hasPrefix("matmul: "))
  }

  @Test func thePlanOfAnEarlierCallIsUsedAgain() {
    od_clear_cache()
    var shape = dense(1, 3, 4, 5)
    var c = [Float](repeating: 0, count: 15)
    let before = od_cache()
    for _ in 0..<5 { #expect(od_matmul(&shape, random(12, seed: 1), random(20, seed: 2), nil, &c) == OD_OK) }
    let after = od_cache()
    #expect(after.misses == before.misses + 1 && after.hits == before.hits + 4 && after.held == 1)
  }

  @Test func theCacheIsBounded() {
    od_clear_cache()
    var c = [Float](repeating: 0, count: 1_200)
    let ones = [Float](repeating: 1, count: 2_400)
    for columns in 1...1_100 {
      var shape = dense(1, 1, 2, Int64(columns))
      #expect(od_matmul(&shape, ones, ones, nil, &c) == OD_OK)
    }
    #expect(od_cache().held == 1_024)
    od_clear_cache()
    #expect(od_cache().held == 0)
  }
}
