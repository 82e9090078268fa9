import CKernels
import Testing

@Suite struct AddTests {
  static let params = [
    qk_add_u8_params(
      a_multiplier: 0.7, b_multiplier: 1.3, a_zero_point: 128, b_zero_point: 3, zero_point: 100, lo: 0,
      hi: 255),
    qk_add_u8_params(
      a_multiplier: 0.5, b_multiplier: 0.5, a_zero_point: 0, b_zero_point: 255, zero_point: 0, lo: 10, hi: 90),
    qk_add_u8_params(
      a_multiplier: 1_048_576, b_multiplier: 1_048_576, a_zero_point: 128, b_zero_point: 128, zero_point: 1,
      lo: 0, hi: 255),
    qk_add_u8_params(
      a_multiplier: 3e38, b_multiplier: 3e38, a_zero_point: 128, b_zero_point: 100, zero_point: 50, lo: 10,
      hi: 240),
    qk_add_u8_params(
      a_multiplier: 3e38, b_multiplier: 1e-30, a_zero_point: 7, b_zero_point: 0, zero_point: 255, lo: 0,
      hi: 255),
  ]

  private func sum(_ p: qk_add_u8_params, _ a: UInt8, _ b: UInt8) -> UInt8 {
    let left = Float(Int(a) - Int(p.a_zero_point)) * p.a_multiplier
    let right = Float(Int(b) - Int(p.b_zero_point)) * p.b_multiplier
    return UInt8(Reference.saturate(left + right, Int(p.zero_point), Int(p.lo), Int(p.hi)))
  }

  @Test(arguments: Level.runnable, params) func equalsTheContract(level: Level, params: qk_add_u8_params) {
    var params = params
    for (seed, fill) in Fill.allCases.enumerated() {
      for count in [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 500] {
        var generator = Generator(seed)
        let a: [UInt8] = fill.bytes(count, &generator), b: [UInt8] = fill.bytes(count, &generator)
        let expected = zip(a, b).map { sum(params, $0, $1) }
        let (y, intact) = guarded(count, of: UInt8.self) {
          #expect(qk_add_u8(level.isa, &params, count, a, b, $0) == QK_OK)
        }
        #expect(y == expected, "\(fill), \(count)")
        #expect(intact)
      }
    }
  }

  @Test(arguments: Level.runnable) func broadcastsOverRows(level: Level) {
    var params = Self.params[0]
    for (rows, n) in [(0, 5), (5, 0), (300, 1), (7, 3), (40, 64), (3, 600)] {
      var generator = Generator(n)
      let a: [UInt8] = Fill.random.bytes(rows * n, &generator), b: [UInt8] = Fill.random.bytes(n, &generator)
      let (y, intact) = guarded(rows * n, of: UInt8.self) {
        #expect(qk_add_u8_broadcast(level.isa, &params, rows, n, a, b, $0) == QK_OK)
      }
      #expect(y == a.enumerated().map { sum(params, $1, b[$0 % n]) }, "\(rows) rows of \(n)")
      #expect(intact)
    }
  }

  @Test func refusesScalesAndRangesThatMeanNothing() {
    var zero = Self.params[0], crossed = Self.params[0]
    zero.b_multiplier = 0
    (crossed.lo, crossed.hi) = (2, 1)
    var y: UInt8 = 0
    #expect(qk_add_u8(0, &zero, 1, [1], [1], &y) == QK_BAD_SCALE)
    #expect(qk_add_u8(0, &crossed, 1, [1], [1], &y) == QK_BAD_RANGE)
  }
}
