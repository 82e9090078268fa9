import CKernels
import Testing

@Suite struct LayerNormTests {
  static let params = qk_layer_norm_u8_params(x_scale: 0.05, epsilon: 1e-5, zero_point: 120, lo: 0, hi: 255)

  /// Rows: any, the smallest and largest, all the same, nearly all the same.
  private func rows(_ n: Int) -> [[UInt8]] {
    var generator = Generator(n)
    let rows: [[UInt8]] = Fill.allCases.map { $0.bytes(n, &generator) }
    return rows + [(0..<n).map { $0 == n / 3 ? 201 : 200 }, [UInt8](repeating: 0, count: n)]
  }

  private func weights(_ n: Int) -> (gamma: [Float], beta: [Float]) {
    var generator = Generator(n + 1)
    func some(_ range: ClosedRange<Float>) -> [Float] {
      (0..<n).map { _ in .random(in: range, using: &generator) }
    }
    return (some(-60...60), some(-50...50))
  }

  /// The contract, one row.
  private func expected(
    _ x: [UInt8], _ xScale: Float, _ epsilon: Float, _ gamma: [Float], _ beta: [Float]
  ) -> [Float] {
    let n = x.count, s1 = x.reduce(0) { $0 + Int($1) }, s2 = x.reduce(0) { $0 + Int($1) * Int($1) }
    let whole = s1 / n, fraction = Float(s1 % n) / Float(n)
    let variance = Double(n * s2 - s1 * s1) / (Double(n) * Double(n))
    let r = Float(1 / (variance + Double(epsilon) / (Double(xScale) * Double(xScale))).squareRoot())
    return x.indices.map { i in
      let normalized = (Float(Int(x[i]) - whole) - fraction) * r
      let scaled = normalized * gamma[i]
      return scaled + beta[i]
    }
  }

  @Test(arguments: Level.runnable, [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 384, 1000])
  func equalsTheContract(level: Level, n: Int) {
    let rows = rows(n), gap = 3
    let (gamma, beta) = weights(n), padding = [UInt8](repeating: 9, count: gap)
    let x: [UInt8] = rows.flatMap { row -> [UInt8] in row + padding }
    for (scale, epsilon, lo, hi) in [(0.05, 1e-5, 0, 255), (3, 1e-12, 20, 200), (1e-4, 1, 0, 255)]
      as [(Float, Float, UInt8, UInt8)]
    {
      var params = qk_layer_norm_u8_params(x_scale: scale, epsilon: epsilon, zero_point: 120, lo: lo, hi: hi)
      let exact = rows.map { expected($0, scale, epsilon, gamma, beta) }
      let (y, intact) = guarded(rows.count * n, of: UInt8.self) {
        #expect(
          qk_layer_norm_u8(level.isa, &params, rows.count, n, gamma, beta, x, n + gap, $0, n) == QK_OK)
      }
      #expect(intact)
      #expect(y == exact.joined().map { UInt8(Reference.saturate($0, 120, Int(lo), Int(hi))) })
      let (bits, floatsIntact) = guarded(rows.count * n, of: UInt32.self) {
        $0.withMemoryRebound(to: Float.self, capacity: rows.count * n) {
          let status = qk_layer_norm_u8_f32(
            level.isa, scale, epsilon, rows.count, n, gamma, beta, x, n + gap, $0, n)
          #expect(status == QK_OK)
        }
      }
      #expect(floatsIntact)
      #expect(bits == exact.joined().map(\.bitPattern))
    }
  }

  @Test(arguments: Level.runnable) func sumsOfLongRowsAreExact(level: Level) {
    let n = Int(QK_MAX_DEPTH), (gamma, beta) = weights(n)
    for row in rows(n) {
      var y = [Float](repeating: 0, count: n)
      #expect(qk_layer_norm_u8_f32(level.isa, 0.05, 1e-5, 1, n, gamma, beta, row, n, &y, n) == QK_OK)
      #expect(y == expected(row, 0.05, 1e-5, gamma, beta))
    }
  }

  @Test(arguments: Level.runnable) func hugeAndMissingWeightsSaturate(level: Level) {
    var params = Self.params
    let row = rows(100)[0]
    for odd in [3e38, -3e38, 1_048_576, 1_048_577, .infinity, .nan] as [Float] {
      for betaIsOdd in [false, true] {
        var (gamma, beta) = weights(100)
        if betaIsOdd { beta[33] = odd } else { gamma[33] = odd }
        var y = [UInt8](repeating: 0, count: 100)
        #expect(qk_layer_norm_u8(level.isa, &params, 1, 100, gamma, beta, row, 100, &y, 100) == QK_OK)
        let exact = expected(row, params.x_scale, params.epsilon, gamma, beta)
        #expect(y == exact.map { UInt8(Reference.saturate($0, 120, 0, 255)) }, "\(odd)")
      }
    }
  }

  @Test(arguments: Level.runnable) func isCloseToRealArithmetic(level: Level) {
    let n = 384, row = rows(n)[0], (gamma, beta) = weights(n)
    var y = [Float](repeating: 0, count: n)
    #expect(qk_layer_norm_u8_f32(level.isa, 0.05, 1e-5, 1, n, gamma, beta, row, n, &y, n) == QK_OK)
    let mean = row.reduce(0) { $0 + Double($1) } / Double(n)
    let variance = row.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(n)
    let scale = Double(Float(0.05)), epsilon = Double(Float(1e-5))
    for i in 0..<n {
      let normalized = scale * (Double(row[i]) - mean) / (scale * scale * variance + epsilon).squareRoot()
      #expect(abs(Double(y[i]) - (normalized * Double(gamma[i]) + Double(beta[i]))) < 5e-5)
    }
  }

  @Test func refusesScalesAndSizesThatMeanNothing() {
    var y: [UInt8] = [0, 0], f: [Float] = [0, 0]
    func status(_ change: (inout qk_layer_norm_u8_params) -> Void) -> qk_status {
      var params = Self.params
      change(&params)
      return qk_layer_norm_u8(0, &params, 1, 2, [1, 1], [0, 0], [1, 2], 2, &y, 2)
    }
    for number in [0, -1, .nan, .infinity] as [Float] {
      #expect(status { $0.x_scale = number } == QK_BAD_SCALE)
      #expect(status { $0.epsilon = number } == QK_BAD_SCALE)
    }
    #expect(status { ($0.x_scale, $0.epsilon) = (3e38, 1e-38) } == QK_BAD_SCALE)
    #expect(status { ($0.lo, $0.hi) = (2, 1) } == QK_BAD_RANGE)
    #expect(qk_layer_norm_u8_f32(0, 1, 1, 1, 0, [1], [0], [1], 0, &f, 0) == QK_BAD_SIZE)
    #expect(qk_layer_norm_u8_f32(0, 1, 1, 1, 2, [1, 1], [0, 0], [1, 2], 1, &f, 2) == QK_BAD_SIZE)
    let deep = Int(QK_MAX_DEPTH) + 1
    #expect(qk_layer_norm_u8_f32(0, 1, 1, 1, deep, [1], [0], [1], deep, &f, deep) == QK_TOO_DEEP)
  }
}
