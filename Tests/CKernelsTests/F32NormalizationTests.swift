import CKernels
import Testing

@Suite struct F32NormalizationTests {
  /// Standardised values, and the gradient of sum(dy (xhat gain + bias)) by x, of one group of numbers.
  private func standardise(_ x: [Double], _ slope: [Double]) -> (
    mean: Double, rstd: Double, y: [Double], dx: [Double]
  ) {
    let count = Double(x.count), mean = x.reduce(0, +) / count
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let rstd = 1 / (variance + 1e-5).squareRoot()
    let y = x.map { ($0 - mean) * rstd }
    let average = slope.reduce(0, +) / count, dot = zip(slope, y).reduce(0) { $0 + $1.0 * $1.1 } / count
    return (mean, rstd, y, zip(slope, y).map { rstd * ($0 - average - $1 * dot) })
  }

  @Test(arguments: [2, 16, 45, 384])
  func layerNormAndItsGradientsAgreeWithDoublePrecision(n: Int) {
    let rows = 70
    let x = randomFloats(rows * n, seed: 1), dy = randomFloats(rows * n, seed: 2)
    let gain = randomFloats(n, seed: 3), bias = randomFloats(n, seed: 4)
    var y = x, dx = x, mean = [Float](repeating: 7, count: rows), rstd = mean, dgain = gain, dbias = bias
    qk_f32_layer_norm(rows, n, x, gain, bias, 1e-5, &y, &mean, &rstd)
    qk_f32_layer_norm_backward(rows, n, dy, x, gain, mean, rstd, &dx)
    qk_f32_layer_norm_backward_parameters(rows, n, dy, x, mean, rstd, &dgain, &dbias)
    var trueGain = [Double](repeating: 0, count: n), trueBias = trueGain
    for r in 0..<rows {
      let range = r * n..<(r + 1) * n
      let slope = dy[range].map(Double.init)
      let truth = standardise(x[range].map(Double.init), zip(slope, gain).map { $0 * Double($1) })
      #expect(
        largestError(Array(y[range]), (0..<n).map { truth.y[$0] * Double(gain[$0]) + Double(bias[$0]) })
          < 1e-5)
      // Two nearly equal numbers have an rstd of hundreds, which magnifies every rounding before it.
      #expect(largestError(Array(dx[range]), truth.dx) < 1e-5 * (10 + truth.rstd))
      for i in 0..<n {
        trueGain[i] += slope[i] * truth.y[i]
        trueBias[i] += slope[i]
      }
    }
    #expect(largestError(dgain, trueGain) < 1e-5 && largestError(dbias, trueBias) < 1e-5)
  }

  @Test(arguments: [1, 6, 16, 48, 64, 100])
  func batchNormAndItsGradientsAgreeWithDoublePrecision(n: Int) {
    let rows = 333
    // Far from 0, so that a variance from the mean of squares would have lost every digit.
    let x = randomFloats(rows * n, seed: 5).map { $0 + 1_000 }, dy = randomFloats(rows * n, seed: 6)
    let gain = randomFloats(n, seed: 7, in: 0.5...2)
    var mean = gain, variance = gain, dgain = gain, dbias = gain, dx = x, y = x
    qk_f32_batch_norm_statistics(rows, n, x, &mean, &variance)
    let rstd = variance.map { 1 / ($0 + 1e-5).squareRoot() }
    qk_f32_batch_norm_backward_parameters(rows, n, dy, x, mean, rstd, nil, nil, &dgain, &dbias)
    qk_f32_batch_norm_backward(rows, n, rows, dy, x, gain, mean, rstd, nil, nil, dgain, dbias, &dx)
    let shift = (0..<n).map { -mean[$0] * rstd[$0] }
    qk_f32_scale_shift(rows, n, x, rstd, shift, nil, true, &y)
    for i in 0..<n {
      func column(_ values: [Float]) -> [Double] { (0..<rows).map { Double(values[$0 * n + i]) } }
      let slope = column(dy), truth = standardise(column(x), slope.map { $0 * Double(gain[i]) })
      #expect(abs(Double(mean[i]) - truth.mean) < 1e-4 * 1_000)
      #expect(abs(Double(rstd[i]) / truth.rstd - 1) < 1e-4)
      #expect(abs(Double(dbias[i]) - slope.reduce(0, +)) < 1e-3)
      #expect(abs(Double(dgain[i]) - zip(slope, truth.y).reduce(0) { $0 + $1.0 * $1.1 }) < 2e-2)
      #expect(largestError(column(dx).map { Float($0) }, truth.dx) < 1e-3)
      #expect(largestError(column(y).map { Float($0) }, truth.y.map { max(0, $0) }) < 1e-3)
    }
  }

  @Test func aConstantChannelHasNoVariance() {
    var mean: Float = 7, variance: Float = 7
    qk_f32_batch_norm_statistics(1_000, 1, [Float](repeating: 0.1, count: 1_000), &mean, &variance)
    #expect(abs(mean - 0.1) < 1e-7 && variance < 1e-13)
  }
}
