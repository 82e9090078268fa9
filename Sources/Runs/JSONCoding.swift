import Foundation

// JSON knows no infinities: they are written as the strings "NaN", "Infinity" and "-Infinity".

extension JSONEncoder {
  /// Keys in a fixed order, so that equal records are equal bytes.
  static func forRuns(pretty: Bool) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty
      ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return encoder
  }
}

extension JSONDecoder {
  static func forRuns() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return decoder
  }
}

extension Encodable {
  /// As indented JSON text: what `--json` prints.
  public func json() throws -> String {
    String(decoding: try JSONEncoder.forRuns(pretty: true).encode(self), as: UTF8.self)
  }
}
