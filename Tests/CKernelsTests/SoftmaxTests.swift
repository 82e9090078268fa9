import CKernels
import Foundation
import Testing

@Suite struct SoftmaxTests {
  private func table(_ xScale: Float, _ yScale: Float = 1 / 256, _ zeroPoint: UInt8 = 0)
    -> qk_softmax_u8_table
  {
    var table = qk_softmax_u8_table()
    #expect(qk_softmax_u8_prepare(xScale, yScale, zeroPoint, &table) == QK_OK)
    return table
  }

  /// Rows of scores: any, all the same, far apart, one above the others.
  private func scores(_ n: Int) -> [[UInt8]] {
    var generator = Generator(n)
    let rows: [[UInt8]] = Fill.allCases.map { $0.bytes(n, &generator) }
    var peaked = (0..<n).map { UInt8($0 % 3) }
    peaked[n / 2] = 255
    let narrow = (0..<n).map { _ in UInt8.random(in: 100...110, using: &generator) }
    return rows + [peaked, narrow, [UInt8](repeating: 0, count: n)]
  }

  /// The contract, with the exponential of the math library, which agrees but for ties nobody meets.
  private func expected(_ x: [UInt8], _ xScale: Float, _ yScale: Float, _ zeroPoint: UInt8) -> [UInt8] {
    guard let most = x.max() else { return [] }
    let exponentials = x.map { (0x1p23 * exp(-Double(xScale) * Double(most - $0))).rounded(.toNearestOrEven) }
    let multiplier = (1 / yScale) / Float(exponentials.reduce(0, +))
    return exponentials.map { UInt8(Reference.saturate(Float($0) * multiplier, Int(zeroPoint), 0, 255)) }
  }

  @Test(arguments: Level.runnable, [1, 2, 15, 31, 32, 33, 63, 64, 65, 128, 200, 513])
  func equalsTheContract(level: Level, n: Int) {
    let rows = scores(n)
    let x = rows.flatMap { $0 }
    for (xScale, yScale, zeroPoint) in [
      (0.05, 1 / 256, 0), (1e-6, 1 / 255, 3), (0.3, 1 / 128, 128), (30, 1e-9, 0), (0.01, 3e38, 255),
    ] as [(Float, Float, UInt8)] {
      var table = table(xScale, yScale, zeroPoint)
      let (y, intact) = guarded(x.count, of: UInt8.self) {
        #expect(qk_softmax_u8(level.isa, &table, rows.count, n, x, n, nil, $0, n) == QK_OK)
      }
      #expect(intact)
      #expect(y == rows.flatMap { expected($0, xScale, yScale, zeroPoint) }, "\(xScale), \(yScale)")
    }
  }

  @Test(arguments: Level.runnable) func longRowsSumExactly(level: Level) {
    for n in [4095, 4096, 4097, 8192, Int(QK_MAX_DEPTH)] {
      for row in [scores(n).last!, scores(n).first!] {
        var table = table(0.002)
        let (y, intact) = guarded(n, of: UInt8.self) {
          #expect(qk_softmax_u8(level.isa, &table, 1, n, row, n, nil, $0, n) == QK_OK)
        }
        #expect(intact)
        #expect(y == expected(row, 0.002, 1 / 256, 0), "\(n)")
      }
    }
  }

  @Test(arguments: Level.runnable, [1, 64, 100, 5000]) func isWithinOneOfRealArithmetic(
    level: Level, n: Int
  ) {
    for xScale in [0.001, 0.04, 0.5] as [Float] {
      var table = table(xScale)
      for row in scores(n) {
        var y = [UInt8](repeating: 0, count: n)
        #expect(qk_softmax_u8(level.isa, &table, 1, n, row, n, nil, &y, n) == QK_OK)
        let most = Double(row.max()!)
        let exponentials = row.map { exp(Double(xScale) * (Double($0) - most)) }
        let sum = exponentials.reduce(0, +)
        let off = zip(y, exponentials).map { y, e in abs(Double(y) - min((256 * e / sum).rounded(), 255)) }
        #expect(off.max()! <= 1)
      }
    }
  }

  @Test(arguments: Level.runnable) func columnsThatAreNotValidDoNotCount(level: Level) {
    let n = 70, gap = 9, valid: [UInt32] = [0, 1, 63, 64, 65, 70]
    var generator = Generator(9)
    let x: [UInt8] = Fill.random.bytes(valid.count * (n + gap), &generator)
    var table = table(0.05, 1 / 256, 7)
    let (y, intact) = guarded(valid.count * (n + gap), of: UInt8.self) {
      #expect(qk_softmax_u8(level.isa, &table, valid.count, n, x, n + gap, valid, $0, n + gap) == QK_OK)
    }
    #expect(intact)
    for (r, valid) in valid.enumerated() {
      let start = r * (n + gap)
      let row = Array(x[start..<start + Int(valid)])
      let rest = [UInt8](repeating: 7, count: n - Int(valid))
      #expect(Array(y[start..<start + n]) == expected(row, 0.05, 1 / 256, 7) + rest, "row \(r)")
      #expect(y[start + n..<start + n + gap].allSatisfy { $0 == 0xA5 }, "gap \(r)")
    }
  }

  @Test(arguments: Level.runnable) func mayWriteOverItsInput(level: Level) {
    let rows = scores(150)
    var table = table(0.05), y = rows.flatMap { $0 }
    y.withUnsafeMutableBufferPointer { y in
      let status = qk_softmax_u8(
        level.isa, &table, rows.count, 150, y.baseAddress, 150, nil, y.baseAddress, 150)
      #expect(status == QK_OK)
    }
    #expect(y == rows.flatMap { expected($0, 0.05, 1 / 256, 0) })
  }

  /// Known values, so that the table is held to the same bits everywhere.
  @Test func tablesHoldExponentialsToTheLastBit() {
    let table = table(0.6931472)
    withUnsafeBytes(of: table.exponential) {
      let exponentials = $0.bindMemory(to: UInt32.self)
      #expect(exponentials[0] == 1 << 23)
      #expect(exponentials[1] == 1 << 22)
      #expect(exponentials[10] == 1 << 13)
      #expect(exponentials[23] == 1)
      #expect(exponentials[255] == 0)
    }
    for scale in [1e-6, 0.0371, 0.7] as [Float] {
      withUnsafeBytes(of: self.table(scale).exponential) {
        let expected = (0..<256).map { UInt32((0x1p23 * exp(-Double(scale) * Double($0))).rounded()) }
        #expect(Array($0.bindMemory(to: UInt32.self)) == expected)
      }
    }
  }

  @Test func refusesScalesAndSizesThatMeanNothing() {
    var table = qk_softmax_u8_table()
    for scale in [0, -1, .nan, .infinity] as [Float] {
      #expect(qk_softmax_u8_prepare(scale, 1, 0, &table) == QK_BAD_SCALE)
      #expect(qk_softmax_u8_prepare(1, scale, 0, &table) == QK_BAD_SCALE)
    }
    #expect(qk_softmax_u8_prepare(1, 0x1p-31, 0, &table) == QK_BAD_SCALE)
    table = self.table(1)
    var y: [UInt8] = [0, 0]
    #expect(qk_softmax_u8(0, &table, 1, 2, [1, 1], 1, nil, &y, 2) == QK_BAD_SIZE)
    #expect(qk_softmax_u8(0, &table, 1, 2, [1, 1], 2, [3], &y, 2) == QK_BAD_SIZE)
    let deep = Int(QK_MAX_DEPTH) + 1
    #expect(qk_softmax_u8(0, &table, 1, deep, [1], deep, nil, &y, deep) == QK_TOO_DEEP)
    #expect(qk_softmax_u8(0, &table, 3, 0, [1], 0, nil, &y, 0) == QK_OK)
  }
}
