import Testing

@testable import Tensors

@Suite struct GeneratorTests {
  /// Known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
  @Test func givesThePublishedNumbers() {
    #expect(Generator.philox(0, 0, [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      Generator.philox(.max, .max, [.max, .max]) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
  }
}
