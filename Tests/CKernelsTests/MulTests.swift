import CKernels
import Testing

@Suite struct MulTests {
  static let params = [
    qk_mul_u8_params(multiplier: 0.01, a_zero_point: 128, b_zero_point: 3, zero_point: 100, lo: 0, hi: 255),
    qk_mul_u8_params(multiplier: 0.5, a_zero_point: 0, b_zero_point: 255, zero_point: 0, lo: 10, hi: 90),
    qk_mul_u8_params(multiplier: 40_000, a_zero_point: 255, b_zero_point: 255, zero_point: 9, lo: 0, hi: 250),
    qk_mul_u8_params(multiplier: 3e38, a_zero_point: 7, b_zero_point: 0, zero_point: 255, lo: 0, hi: 255),
    qk_mul_u8_params(multiplier: 1e-30, a_zero_point: 7, b_zero_point: 0, zero_point: 20, lo: 0, hi: 255),
  ]

  private func expected(_ p: qk_mul_u8_params, _ a: UInt8, _ b: UInt8) -> UInt8 {
    let product = (Int(a) - Int(p.a_zero_point)) * (Int(b) - Int(p.b_zero_point))
    return UInt8(
      Reference.saturate(Float(product) * p.multiplier, Int(p.zero_point), Int(p.lo), Int(p.hi)))
  }

  @Test(arguments: Level.runnable, params) func equalsTheContract(level: Level, params: qk_mul_u8_params) {
    var params = params
    for (seed, fill) in Fill.allCases.enumerated() {
      for count in [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 500] {
        var generator = Generator(seed)
        let a: [UInt8] = fill.bytes(count, &generator), b: [UInt8] = fill.bytes(count, &generator)
        let (y, intact) = guarded(count, of: UInt8.self) {
          #expect(qk_mul_u8(level.isa, &params, count, a, b, $0) == QK_OK)
        }
        #expect(y == zip(a, b).map { expected(params, $0, $1) }, "\(fill), \(count)")
        #expect(intact)
      }
    }
  }

  @Test(arguments: Level.runnable) func multipliesEveryByteByEveryOther(level: Level) {
    var params = Self.params[0]
    let bytes = (0...255).map(UInt8.init)
    let a = bytes.flatMap { [UInt8](repeating: $0, count: 256) }, b = bytes.flatMap { _ in bytes }
    var y = a
    #expect(qk_mul_u8(level.isa, &params, y.count, a, b, &y) == QK_OK)
    #expect(y == zip(a, b).map { expected(params, $0, $1) })
  }

  @Test(arguments: Level.runnable) func broadcastsOverRows(level: Level) {
    var params = Self.params[0]
    for (rows, n) in [(0, 5), (5, 0), (300, 1), (7, 3), (40, 64), (3, 600)] {
      var generator = Generator(n)
      let a: [UInt8] = Fill.random.bytes(rows * n, &generator), b: [UInt8] = Fill.random.bytes(n, &generator)
      let (y, intact) = guarded(rows * n, of: UInt8.self) {
        #expect(qk_mul_u8_broadcast(level.isa, &params, rows, n, a, b, $0) == QK_OK)
      }
      #expect(y == a.enumerated().map { expected(params, $1, b[$0 % n]) }, "\(rows) rows of \(n)")
      #expect(intact)
    }
  }

  @Test(arguments: Level.runnable) func mayWriteOverAnOperand(level: Level) {
    var params = Self.params[0]
    var generator = Generator(1)
    let a: [UInt8] = Fill.random.bytes(100, &generator), b: [UInt8] = Fill.random.bytes(100, &generator)
    var overA = a, overB = b
    overA.withUnsafeMutableBufferPointer { y in
      #expect(qk_mul_u8(level.isa, &params, 100, y.baseAddress, b, y.baseAddress) == QK_OK)
    }
    overB.withUnsafeMutableBufferPointer { y in
      #expect(qk_mul_u8(level.isa, &params, 100, a, y.baseAddress, y.baseAddress) == QK_OK)
    }
    #expect(overA == zip(a, b).map { expected(params, $0, $1) })
    #expect(overB == overA)
  }

  @Test func refusesMultipliersAndRangesThatMeanNothing() {
    var y: UInt8 = 0
    for multiplier in [0, -1, .nan, .infinity] as [Float] {
      var params = Self.params[0]
      params.multiplier = multiplier
      #expect(qk_mul_u8(0, &params, 1, [1], [1], &y) == QK_BAD_SCALE)
      #expect(qk_mul_u8_broadcast(0, &params, 1, 1, [1], [1], &y) == QK_BAD_SCALE)
    }
    var crossed = Self.params[0]
    (crossed.lo, crossed.hi) = (2, 1)
    #expect(qk_mul_u8(0, &crossed, 1, [1], [1], &y) == QK_BAD_RANGE)
    var fine = Self.params[0]
    #expect(qk_mul_u8_broadcast(0, &fine, 1 << 40, 1 << 40, [1], [1], &y) == QK_BAD_SIZE)
  }
}
