import Testing

@testable import Runs

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z", "19700101-000000"),
    (951_782_399_007, "2000-02-28T23:59:59.007Z", "20000228-235959"),
    (1_795_259_112_345, "2026-11-21T11:05:12.345Z", "20261121-110512"),
  ])
  func `is written as ISO 8601 in UTC, and read back`(milliseconds: Int64, iso8601: String, compact: String) {
    let time = Timestamp(milliseconds: milliseconds)
    #expect(time.iso8601 == iso8601)
    #expect(time.compact == compact)
    #expect(Timestamp(digitsOf: iso8601) == time)
    #expect(Timestamp(digitsOf: compact) == Timestamp(milliseconds: milliseconds / 1000 * 1000))
  }

  @Test(arguments: ["", "yesterday", "2026-11-21", "2026-11-21T11:05:12.3456789Z"])
  func `refuses what is no such time`(text: String) {
    #expect(Timestamp(digitsOf: text) == nil)
  }
}
