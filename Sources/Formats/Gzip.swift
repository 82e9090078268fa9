import CZlib

/// gzip (RFC 1952), read by zlib.
public enum Gzip {
  public static func isCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// What `bytes` hold once decompressed, members one after another; refused above `limit` bytes, since a
  /// few kilobytes can hold gigabytes.
  public static func decompress(_ bytes: [UInt8], path: String, limit: Int = 1 << 32) throws -> [UInt8] {
    var output: [UInt8] = []
    var input = bytes[...]
    repeat {
      let used = try member(input, into: &output, path, limit)
      input = input.dropFirst(used)
    } while isCompressed(Array(input.prefix(2)))
    guard input.isEmpty else {
      throw FileError(path, "has \(input.count) bytes after the end of its gzip data; fetch the file again")
    }
    return output
  }

  /// Decompresses one member and returns how many bytes it took.
  private static func member(
    _ input: ArraySlice<UInt8>, into output: inout [UInt8], _ path: String, _ limit: Int
  ) throws -> Int {
    var stream = z_stream()
    let automaticHeader = MAX_WBITS + 16
    guard
      inflateInit2_(&stream, automaticHeader, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw FileError(path, "cannot be decompressed: out of memory") }
    defer { inflateEnd(&stream) }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    return try input.withUnsafeBufferPointer { source in
      var used = 0
      while true {
        let offered = min(source.count - used, 1 << 30)
        stream.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0 + used) }
        stream.avail_in = UInt32(offered)
        let (status, made) = chunk.withUnsafeMutableBufferPointer { target in
          stream.next_out = target.baseAddress
          stream.avail_out = UInt32(target.count)
          let status = inflate(&stream, Z_NO_FLUSH)
          return (status, target.count - Int(stream.avail_out))
        }
        let taken = offered - Int(stream.avail_in)
        used += taken
        guard output.count + made <= limit else { throw FileError(path, "holds more than \(limit) bytes") }
        output += chunk[..<made]
        switch status {
        case Z_STREAM_END: return used
        case Z_OK where taken > 0 || made > 0: continue
        case Z_OK, Z_BUF_ERROR:
          throw FileError(path, "ends in the middle of its gzip data (truncated); fetch the file again")
        default: throw FileError(path, "holds damaged gzip data; fetch the file again")
        }
      }
    }
  }
}
