import CKernels
import Foundation
import Testing

@Suite struct F32ReductionTests {
  @Test(arguments: [1, 5, 16, 17, 100, 1_000])
  func rowReductionsAgreeWithDoublePrecision(n: Int) {
    let x = randomFloats(4 * n, seed: 1), z = randomFloats(4 * n, seed: 2)
    var sum = [Float](repeating: 7, count: 4), squares = sum, dot = sum, high = sum, low = sum
    var index = [Int64](repeating: 7, count: 4)
    qk_f32_row_sum(4, n, x, &sum)
    qk_f32_row_sum_squares(4, n, x, &squares)
    qk_f32_row_dot(4, n, x, z, &dot)
    qk_f32_row_max(4, n, x, &high)
    qk_f32_row_min(4, n, x, &low)
    qk_f32_row_argmax(4, n, x, &index)
    for r in 0..<4 {
      let row = x[r * n..<(r + 1) * n].map(Double.init), other = z[r * n..<(r + 1) * n].map(Double.init)
      let size = 1e-6 * (1 + row.reduce(0) { $0 + abs($1) })
      #expect(abs(Double(sum[r]) - row.reduce(0, +)) < size)
      #expect(abs(Double(squares[r]) - row.reduce(0) { $0 + $1 * $1 }) < 3 * size)
      #expect(abs(Double(dot[r]) - zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }) < 3 * size)
      #expect(Double(high[r]) == row.max() && Double(low[r]) == row.min())
      #expect(Int(index[r]) == row.firstIndex(of: Double(high[r])))
    }
  }

  @Test func extremesPassANaNOnAndArgmaxFindsTheFirst() {
    var x = randomFloats(40, seed: 3)
    x[23] = .nan
    x[31] = .nan
    var high: Float = 7, low: Float = 7, index: Int64 = 7
    qk_f32_row_max(1, 40, x, &high)
    qk_f32_row_min(1, 40, x, &low)
    qk_f32_row_argmax(1, 40, x, &index)
    #expect(high.isNaN && low.isNaN && index == 23)
    qk_f32_row_argmax(1, 3, [-0.0, 0, -1], &index)
    #expect(index == 0, "the first among equals")
    qk_f32_row_argmax(1, 2, [-.infinity, -.infinity], &index)
    #expect(index == 0)
  }

  @Test func emptyRowsGiveTheNeutralElement() {
    var y: Float = 7, index: Int64 = 7
    qk_f32_row_sum(1, 0, [], &y)
    #expect(y == 0)
    qk_f32_row_max(1, 0, [], &y)
    #expect(y == -.infinity)
    qk_f32_row_argmax(1, 0, [], &index)
    #expect(index == 0)
    qk_f32_column_sum(0, 1, [], &y)
    #expect(y == 0)
  }

  @Test(arguments: [1, 3, 16, 33, 64, 70, 200])
  func columnReductionsAgreeWithDoublePrecision(n: Int) {
    let rows = 300, x = randomFloats(rows * n, seed: 4)
    var sum = [Float](repeating: 7, count: n), high = sum, low = sum
    qk_f32_column_sum(rows, n, x, &sum)
    qk_f32_column_max(rows, n, x, &high)
    qk_f32_column_min(rows, n, x, &low)
    for i in 0..<n {
      let column = (0..<rows).map { Double(x[$0 * n + i]) }
      #expect(abs(Double(sum[i]) - column.reduce(0, +)) < 1e-4)
      #expect(Double(high[i]) == column.max() && Double(low[i]) == column.min())
    }
  }

  @Test(arguments: [1, 2, 10, 16, 37])
  func softmaxAndItsGradientAgreeWithDoublePrecision(n: Int) {
    let x = randomFloats(3 * n, seed: 5, in: -50...50), dy = randomFloats(3 * n, seed: 6)
    var y = x, logs = x, dx = x, dlogs = x
    qk_f32_softmax(3, n, x, &y)
    qk_f32_log_softmax(3, n, x, &logs)
    qk_f32_softmax_backward(3, n, dy, y, &dx)
    qk_f32_log_softmax_backward(3, n, dy, logs, &dlogs)
    for r in 0..<3 {
      let range = r * n..<(r + 1) * n
      let row = x[range].map(Double.init), high = row.max()!, slope = dy[range].map(Double.init)
      let total = row.reduce(0) { $0 + exp($1 - high) }
      let p = row.map { exp($0 - high) / total }
      let dot = zip(slope, p).reduce(0) { $0 + $1.0 * $1.1 }, sum = slope.reduce(0, +)
      #expect(largestError(Array(y[range]), p) < 1e-6)
      #expect(largestError(Array(logs[range]), row.map { $0 - high - log(total) }) < 1e-6)
      #expect(largestError(Array(dx[range]), zip(slope, p).map { $1 * ($0 - dot) }) < 1e-5)
      #expect(largestError(Array(dlogs[range]), zip(slope, p).map { $0 - $1 * sum }) < 1e-5)
    }
  }

  @Test func softmaxNeitherOverflowsNorHidesANaN() {
    var y: [Float] = [7, 7, 7]
    qk_f32_softmax(1, 3, [1e30, 1e30, -.infinity], &y)
    #expect(y == [0.5, 0.5, 0])
    qk_f32_softmax(1, 3, [1, .nan, 2], &y)
    #expect(y.allSatisfy { $0.isNaN })
  }

  @Test(arguments: [Float(0), 0.1])
  func crossEntropyAgreesWithItsDefinition(smoothing: Float) {
    let n = 7, x = randomFloats(3 * n, seed: 7), target: [Int64] = [2, -100, 6], scale: [Float] = [0.5, 1, 2]
    var y = x, dx = x, loss: [Float] = [7, 7, 7]
    qk_f32_cross_entropy(3, n, x, target, smoothing, &y, &loss)
    qk_f32_cross_entropy_backward(3, n, scale, y, target, smoothing, &dx)
    for r in [0, 2] {
      let row = x[r * n..<(r + 1) * n].map(Double.init), total = row.reduce(0) { $0 + exp($1) }
      let t = (0..<n).map { Double(smoothing) / Double(n) + ($0 == target[r] ? 1 - Double(smoothing) : 0) }
      let truth = -zip(t, row).reduce(0) { $0 + $1.0 * ($1.1 - log(total)) }
      #expect(abs(Double(loss[r]) - truth) < 1e-5)
      let slopes = zip(t, row).map { (exp($1) / total - $0) * Double(scale[r]) }
      #expect(largestError(Array(dx[r * n..<(r + 1) * n]), slopes) < 1e-6)
    }
    #expect(loss[1] == 0 && dx[n..<2 * n].allSatisfy { $0 == 0 }, "a negative target is skipped")
  }
}
