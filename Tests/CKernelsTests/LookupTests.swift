import CKernels
import Testing

@Suite struct LookupTests {
  @Test(arguments: Level.runnable, [0, 1, 31, 32, 33, 63, 64, 65, 255, 256, 287, 288, 289, 383, 384, 385])
  func readsTheTable(
    level: Level, count: Int
  ) {
    var generator = Generator(count)
    let x: [UInt8] = Fill.random.bytes(count, &generator), table: [UInt8] = Fill.random.bytes(256, &generator)
    let (y, intact) = guarded(count, of: UInt8.self) { qk_lookup_u8(level.isa, count, x, table, $0) }
    #expect(y == x.map { table[Int($0)] })
    #expect(intact)
  }

  @Test func requantizeTableEqualsTheContract() {
    for (zx, m, zy, lo, hi) in [(0, 1, 0, 0, 255), (128, 0.5, 3, 0, 255), (255, 1.7, 200, 20, 220)]
      as [(UInt8, Float, UInt8, UInt8, UInt8)]
    {
      var table = [UInt8](repeating: 0, count: 256)
      #expect(qk_requantize_table(zx, m, zy, lo, hi, &table) == QK_OK)
      #expect(
        table.map(Int.init)
          == (0..<256).map { Reference.saturate(Float($0 - Int(zx)) * m, Int(zy), Int(lo), Int(hi)) })
    }
    var table = [UInt8](repeating: 0, count: 256)
    #expect(qk_requantize_table(0, .nan, 0, 0, 255, &table) == QK_BAD_SCALE)
    #expect(qk_requantize_table(0, 1, 0, 9, 8, &table) == QK_BAD_RANGE)
  }

  @Test(arguments: Level.runnable) func readsEveryEntryInPlace(level: Level) {
    var generator = Generator(5)
    let table: [UInt8] = Fill.random.bytes(256, &generator)
    var y = (0..<1024).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let x = y
    y.withUnsafeMutableBufferPointer { qk_lookup_u8(level.isa, 1024, $0.baseAddress, table, $0.baseAddress) }
    #expect(y == x.map { table[Int($0)] })
  }

  @Test(arguments: Level.runnable, [0, 1, 31, 32, 33, 63, 64, 65, 256]) func flippingTheSignTwiceGivesTheSame(
    level: Level, count: Int
  ) {
    let x = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    let (y, intact) = guarded(count, of: UInt8.self) { qk_flip_sign(level.isa, count, x, $0) }
    #expect(intact)
    #expect(y.map { Int($0) } == x.map { Int(Int8(bitPattern: $0)) + 128 })
    let (z, _) = guarded(count, of: UInt8.self) { qk_flip_sign(level.isa, count, y, $0) }
    #expect(z == x)
  }
}
