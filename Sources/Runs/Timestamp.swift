import Foundation

/// A moment, to the millisecond. Written as ISO 8601 in UTC (`2026-11-21T11:05:12.345Z`).
///
/// Formatted by hand: a date formatter costs a start-up milliseconds.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Since the start of 1970 in UTC.
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(time)
  }

  init(_ time: timespec) {
    milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  /// Seconds from `start` to this moment; negative where the clock was set back.
  public func seconds(since start: Timestamp) -> Double {
    Double(milliseconds - start.milliseconds) / 1000
  }
}

extension Timestamp {
  /// `2026-11-21T11:05:12.345Z`.
  public var iso8601: String {
    let (day, time) = fields(gmtime_r)
    return "\(day.joined(separator: "-"))T\(time.joined(separator: ":")).\(padded(milliseconds % 1000, 3))Z"
  }

  /// `20261121-110512` in UTC: sorts by time, and is fit for a file name.
  var compact: String {
    let (day, time) = fields(gmtime_r)
    return "\(day.joined())-\(time.joined())"
  }

  /// `2026-11-21 11:05` where the reader is.
  public var local: String {
    let (day, time) = fields(localtime_r)
    return "\(day.joined(separator: "-")) \(time[0]):\(time[1])"
  }

  private typealias Calendar = (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?

  private func fields(_ calendar: Calendar) -> (day: [String], time: [String]) {
    var seconds = time_t(milliseconds / 1000)
    var date = tm()
    _ = calendar(&seconds, &date)
    return (
      [
        padded(Int64(date.tm_year) + 1900, 4), padded(Int64(date.tm_mon) + 1, 2),
        padded(Int64(date.tm_mday), 2),
      ],
      [padded(Int64(date.tm_hour), 2), padded(Int64(date.tm_min), 2), padded(Int64(date.tm_sec), 2)]
    )
  }

  /// Reads what `iso8601` writes, or what `compact` writes: any text with the same digits in the same order.
  init?(digitsOf text: some StringProtocol) {
    let digits = text.utf8.filter { (48...57).contains($0) }.map { Int32($0 - 48) }
    guard digits.count == 14 || digits.count == 17 else { return nil }
    func number(_ range: Range<Int>) -> Int32 { digits[range].reduce(0) { $0 * 10 + $1 } }

    var date = tm()
    date.tm_year = number(0..<4) - 1900
    date.tm_mon = number(4..<6) - 1
    date.tm_mday = number(6..<8)
    date.tm_hour = number(8..<10)
    date.tm_min = number(10..<12)
    date.tm_sec = number(12..<14)
    milliseconds = Int64(timegm(&date)) * 1000 + Int64(number(14..<digits.count))
  }
}

extension Timestamp: Codable {
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(iso8601)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let time = Timestamp(digitsOf: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a time such as 2026-11-21T11:05:12.345Z expected")
    }
    self = time
  }
}

private func padded(_ number: Int64, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
