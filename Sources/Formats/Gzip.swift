/// gzip (RFC 1952), read by zlib.
public enum Gzip {
  public static func isCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// What `bytes` hold once decompressed, members one after another; refused above `limit` bytes, since a
  /// few kilobytes can hold gigabytes.
  public static func decompress(_ bytes: [UInt8], path: String, limit: Int = 1 << 32) throws -> [UInt8] {
    var output: [UInt8] = []
    var input = bytes[...]
    repeat {
      do {
        let used = try input.withUnsafeBytes { try Inflate.stream($0, .gzip, into: &output, limit: limit) }
        input = input.dropFirst(used)
      } catch let failure as Inflate.Failure {
        throw FileError(path, problem(failure, limit))
      }
    } while isCompressed(Array(input.prefix(2)))
    guard input.isEmpty else {
      throw FileError(path, "has \(input.count) bytes after the end of its gzip data; fetch the file again")
    }
    return output
  }

  private static func problem(_ failure: Inflate.Failure, _ limit: Int) -> String {
    switch failure {
    case .truncated: "ends in the middle of its gzip data (truncated); fetch the file again"
    case .damaged: "holds damaged gzip data; fetch the file again"
    case .tooLarge: "holds more than \(limit) bytes"
    case .outOfMemory: "cannot be decompressed: out of memory"
    }
  }
}
