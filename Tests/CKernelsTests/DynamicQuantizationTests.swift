import CKernels
import Testing

@Suite struct DynamicQuantizationTests {
  /// Rows of every kind: both signs, one sign only, zeros, the smallest and nearly the largest floats.
  private func rows(_ n: Int) -> [[Float]] {
    var generator = Generator(n)
    let tiny = Float.leastNonzeroMagnitude
    func row(_ range: ClosedRange<Float>) -> [Float] {
      (0..<n).map { _ in .random(in: range, using: &generator) }
    }
    return [
      row(-1...3), row(2...5), row(-7 ... -6), row(-0.001...0.001), [Float](repeating: 0, count: n),
      [Float](repeating: -0.0, count: n), row(-1e38...1e38), row(0...7 * tiny), row(-200 * tiny...70 * tiny),
      [Float](repeating: tiny, count: n),
    ]
  }

  /// The formula of ONNX DynamicQuantizeLinear, where it is defined.
  private func expected(_ x: [Float]) -> (y: [UInt8], scale: Float, zeroPoint: UInt8) {
    let low = min(x.min() ?? 0, 0), high = max(x.max() ?? 0, 0)
    var scale = (high - low) / 255
    if scale == 0 { scale = 1 }
    let zeroPoint = Reference.saturate(-low / scale, 0, 0, 255)
    return (x.map { UInt8(Reference.saturate($0 / scale, zeroPoint, 0, 255)) }, scale, UInt8(zeroPoint))
  }

  @Test(arguments: Level.runnable, [0, 1, 15, 16, 17, 64, 65, 200]) func eachRowHasItsOwnRange(
    level: Level, n: Int
  ) {
    let rows = rows(n), padding = 3
    let x = rows.flatMap { $0 + [Float](repeating: .nan, count: padding) }, stride = n + padding
    var scale = [Float](repeating: 0, count: rows.count), zeroPoint = [UInt8](repeating: 0, count: rows.count)
    let (y, intact) = guarded(rows.count * n, of: UInt8.self) {
      #expect(
        qk_dynamic_quantize_rows_u8(level.isa, rows.count, n, x, stride, $0, n, &scale, &zeroPoint) == QK_OK)
    }
    #expect(intact)
    for (r, row) in rows.enumerated() {
      let expected = expected(row)
      #expect(Array(y[r * n..<(r + 1) * n]) == expected.y, "row \(r)")
      #expect(scale[r] == expected.scale, "row \(r)")
      #expect(zeroPoint[r] == expected.zeroPoint, "row \(r)")
    }
  }

  @Test(arguments: Level.runnable, [0, 1, 15, 16, 17, 64, 65, 200]) func symmetricRowsKeepZeroInTheMiddle(
    level: Level, n: Int
  ) {
    let rows = rows(n)
    let x = rows.flatMap { $0 }
    var scale = [Float](repeating: 0, count: rows.count), scaleOfU8 = scale
    let (s8, s8Intact) = guarded(x.count, of: Int8.self) {
      #expect(qk_dynamic_quantize_rows_s8(level.isa, rows.count, n, x, n, $0, n, &scale) == QK_OK)
    }
    let (u8, u8Intact) = guarded(x.count, of: UInt8.self) {
      #expect(
        qk_dynamic_quantize_rows_u8_symmetric(level.isa, rows.count, n, x, n, $0, n, &scaleOfU8) == QK_OK)
    }
    #expect(s8Intact && u8Intact)
    #expect(u8.map { Int($0) - 128 } == s8.map { Int($0) })
    #expect(scaleOfU8 == scale)
    for (r, row) in rows.enumerated() {
      let largest = row.map(\.magnitude).max() ?? 0
      let expected = largest / 127 == 0 ? 1 : largest / 127
      #expect(scale[r] == expected)
      #expect(
        s8[r * n..<(r + 1) * n].map { Int($0) }
          == row.map { Reference.saturate($0 / expected, 0, -127, 127) }, "row \(r)")
    }
  }

  @Test(arguments: Level.runnable, [Float.nan, .infinity, -.infinity]) func refusesWhatIsNotFinite(
    level: Level, number: Float
  ) {
    var x = [Float](repeating: 1, count: 80)
    x[77] = number
    var y = [UInt8](repeating: 0, count: 80), zeroPoint = [UInt8](repeating: 0, count: 2)
    var scale: [Float] = [0, 0]
    #expect(
      qk_dynamic_quantize_rows_u8(level.isa, 2, 40, x, 40, &y, 40, &scale, &zeroPoint) == QK_NOT_FINITE)
    #expect(qk_dynamic_quantize_rows_u8_symmetric(level.isa, 2, 40, x, 40, &y, 40, &scale) == QK_NOT_FINITE)
  }

  @Test func refusesRangesWithoutAScaleAndStridesThatOverlap() {
    var y: [UInt8] = [0, 0], zeroPoint: [UInt8] = [0], scale: [Float] = [0]
    #expect(
      qk_dynamic_quantize_rows_u8(0, 1, 2, [3e38, -3e38], 2, &y, 2, &scale, &zeroPoint) == QK_BAD_SCALE)
    #expect(qk_dynamic_quantize_rows_u8(0, 1, 2, [1, 2], 1, &y, 2, &scale, &zeroPoint) == QK_BAD_SIZE)
    #expect(qk_dynamic_quantize_rows_u8_symmetric(0, 1, 2, [1, 2], 2, &y, 1, &scale) == QK_BAD_SIZE)
  }
}
