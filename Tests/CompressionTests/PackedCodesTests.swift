import Tensors
import Testing

@testable import Compression

@Suite struct PackedCodesTests {
  private func codes(_ range: ClosedRange<Int>, _ count: Int) -> [Int8] {
    var generator = Generator(seed: 7)
    let ends = [Int8(range.lowerBound), Int8(range.upperBound), 0]
    return ends + (0..<count - 3).map { _ in Int8(range.lowerBound + generator.index(below: range.count)) }
  }

  @Test(arguments: [
    (-1...1, 3, 1.6), (-2...1, 4, 2), (-3...3, 8, 3), (-4...3, 8, 3), (-7...7, 16, 4), (-8...7, 16, 4),
    (-15...15, 32, 5), (-63...63, 128, 7), (-127...127, 256, 8), (-128...127, 256, 8),
  ])
  func comeBackFromTheBitsTheyNeed(range: ClosedRange<Int>, levels: Int, bits: Double) throws {
    for count in [3, 4, 5, 7, 8, 9, 1000] {
      let codes = codes(range, count)
      let packed = PackedCodes(codes)
      #expect(packed.levels == levels)
      #expect(packed.bytes.count == Int((Double(count) * bits / 8).rounded(.up)))
      if levels < 256 {
        #expect(PackedCodes(levels: levels, bytes: packed.bytes).codes(count: count) == codes)
        #expect(PackedCodes(levels: levels, bytes: packed.bytes + [0]).codes(count: count) == nil)
      }
    }
  }

  @Test func signsTakeABitEach() {
    let codes: [Int8] = [1, -1, -1, 1, 1, 1, -1, 1, -1]
    let packed = PackedCodes(codes)
    #expect(packed.levels == 2 && packed.bytes == [0b1011_1001, 0])
    #expect(packed.codes(count: 9) == codes)
  }

  @Test func aByteThatHoldsNoFiveTernaryCodesIsRefused() {
    #expect(PackedCodes(levels: 3, bytes: [243]).codes(count: 5) == nil)
    #expect(PackedCodes(levels: 17, bytes: [1]).codes(count: 1) == nil)
  }
}
