import CKernels
import Testing

@Suite struct QuantizeTests {
  /// Halves, extremes, and everything that is not a number.
  static let numbers: [Float] =
    [
      0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 127.5, -128.5, 254.5, 255.5, 1e30, -1e30, .infinity, -.infinity,
      .nan,
    ]
    + [
      .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 3.4999998, 8388609,
      -8388609,
    ]

  private func input(_ count: Int, seed: Int) -> [Float] {
    var generator = Generator(seed)
    return (0..<count).map { _ in
      Int.random(in: 0..<4, using: &generator) == 0
        ? Self.numbers.randomElement(using: &generator)! : .random(in: -300...300, using: &generator)
    }
  }

  @Test(arguments: Level.runnable, [0, 1, 15, 16, 17, 64, 65, 200]) func equalsTheContract(
    level: Level, inner: Int
  ) {
    let layout = qk_scale_layout(outer: 2, channels: 3, inner: inner), count = 6 * inner
    let x = input(count, seed: inner)
    let scale: [Float] = [1, 0.37, 1e-20], u8: [UInt8] = [0, 128, 255], s8: [Int8] = [0, -128, 100]
    let (y, intact) = guarded(count, of: UInt8.self) {
      #expect(qk_quantize_u8(level.isa, layout, x, scale, u8, $0) == QK_OK)
    }
    #expect(intact)
    #expect(
      y.map(Int.init)
        == x.enumerated().map {
          let c = $0 / inner % 3
          return Reference.saturate($1 / scale[c], Int(u8[c]), 0, 255)
        })
    for lo: Int8 in [-128, -127] {
      let (y, intact) = guarded(count, of: Int8.self) {
        #expect(qk_quantize_s8(level.isa, layout, x, scale, s8, lo, $0) == QK_OK)
      }
      #expect(intact)
      #expect(
        y.map(Int.init)
          == x.enumerated().map {
            let c = $0 / inner % 3
            return Reference.saturate($1 / scale[c], Int(s8[c]), Int(lo), 127)
          })
    }
  }

  @Test(arguments: Level.runnable, [0, 1, 15, 16, 17, 64, 65]) func dequantizeEqualsTheContract(
    level: Level, inner: Int
  ) {
    let layout = qk_scale_layout(outer: 2, channels: 3, inner: inner), count = 6 * inner
    var generator = Generator(inner)
    let x: [UInt8] = Fill.random.bytes(count, &generator), signed = x.map { Int8(bitPattern: $0) }
    let scale: [Float] = [1, 0.37, 1e-20], u8: [UInt8] = [0, 128, 255], s8: [Int8] = [0, -128, 100]
    let (y, intact) = guarded(count, of: UInt32.self) {
      $0.withMemoryRebound(to: Float.self, capacity: count) {
        #expect(qk_dequantize_u8(level.isa, layout, x, scale, u8, $0) == QK_OK)
      }
    }
    #expect(intact)
    #expect(
      y
        == x.enumerated().map {
          let c = $0 / inner % 3
          return (Float(Int($1) - Int(u8[c])) * scale[c]).bitPattern
        })
    let (z, zIntact) = guarded(count, of: UInt32.self) {
      $0.withMemoryRebound(to: Float.self, capacity: count) {
        #expect(qk_dequantize_s8(level.isa, layout, signed, scale, s8, $0) == QK_OK)
      }
    }
    #expect(zIntact)
    #expect(
      z
        == signed.enumerated().map {
          let c = $0 / inner % 3
          return (Float(Int($1) - Int(s8[c])) * scale[c]).bitPattern
        })
  }

  /// Long runs are written past the caches.
  @Test(arguments: Level.runnable, [0, 3]) func longRunsEqualTheContract(level: Level, offset: Int) {
    let count = (4 << 20) + 77
    let x = (0..<count).map { Float($0 % 1021 - 500) * 0.37 }
    var expected = [UInt8](repeating: 0, count: count), bytes = [UInt8](repeating: 1, count: count + offset)
    var expectedFloats = [Float](repeating: 0, count: count)
    var floats = [Float](repeating: 1, count: count + offset)
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: count)
    #expect(qk_quantize_u8(0, layout, x, [0.9], [77], &expected) == QK_OK)
    #expect(qk_dequantize_u8(0, layout, expected, [0.9], [77], &expectedFloats) == QK_OK)
    bytes.withUnsafeMutableBufferPointer {
      #expect(qk_quantize_u8(level.isa, layout, x, [0.9], [77], $0.baseAddress! + offset) == QK_OK)
    }
    floats.withUnsafeMutableBufferPointer {
      #expect(qk_dequantize_u8(level.isa, layout, expected, [0.9], [77], $0.baseAddress! + offset) == QK_OK)
    }
    #expect(bytes[offset...] == expected[...])
    #expect(floats[offset...] == expectedFloats[...])
    #expect(bytes[..<offset].allSatisfy { $0 == 1 } && floats[..<offset].allSatisfy { $0 == 1 })
  }

  @Test func missingZeroPointsAreZeros() {
    let layout = qk_scale_layout(outer: 1, channels: 1, inner: 3)
    var u8: [UInt8] = [9, 9, 9], s8: [Int8] = [9, 9, 9]
    #expect(qk_quantize_u8(0, layout, [-1, 2, 300], [1], nil, &u8) == QK_OK)
    #expect(qk_quantize_s8(0, layout, [-1, 2, 300], [1], nil, -128, &s8) == QK_OK)
    #expect(u8 == [0, 2, 255])
    #expect(s8 == [-1, 2, 127])
  }

  @Test(arguments: [0, -1, .nan, .infinity] as [Float]) func refusesScale(scale: Float) {
    let layout = qk_scale_layout(outer: 1, channels: 2, inner: 1)
    var bytes: [UInt8] = [0, 0], floats: [Float] = [0, 0]
    #expect(qk_quantize_u8(0, layout, [1, 1], [1, scale], nil, &bytes) == QK_BAD_SCALE)
    #expect(qk_dequantize_u8(0, layout, [1, 1], [1, scale], nil, &floats) == QK_BAD_SCALE)
  }

  @Test(arguments: Level.runnable, [0, 1, 7, 16, 33, 64, 65, 1000]) func findsExtremes(
    level: Level, count: Int
  ) {
    let x = input(count, seed: count)
    let finite = x.filter(\.isFinite)
    let found = qk_minmax_f32(level.isa, count, x)
    #expect(found.min == finite.min() ?? .infinity)
    #expect(found.max == finite.max() ?? -.infinity)
    #expect(found.nan_count == x.count(where: \.isNaN))
    #expect(found.inf_count == x.count(where: \.isInfinite))
  }

  @Test(arguments: Level.runnable) func extremesAreNeverMinusZero(level: Level) {
    let found = qk_minmax_f32(level.isa, 40, [Float](repeating: -0.0, count: 40))
    #expect(found.min.sign == .plus)
    #expect(found.max.sign == .plus)
  }
}
