import CZlib

/// Deflate streams (RFC 1951), decompressed by zlib.
enum Inflate {
  /// What is around the stream.
  enum Wrapping: Int32 {
    case none = -15
    case gzip = 31
  }

  enum Failure: Error {
    case truncated, damaged
    /// The stream holds more than the limit.
    case tooLarge
    case outOfMemory
  }

  /// Decompresses the one stream at the beginning of `source` and returns how many bytes it took. `output` grows
  /// with what is found, never with what a header says.
  static func stream(
    _ source: UnsafeRawBufferPointer, _ wrapping: Wrapping, into output: inout [UInt8], limit: Int
  ) throws -> Int {
    var stream = z_stream()
    guard
      inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw Failure.outOfMemory }
    defer { inflateEnd(&stream) }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    let input = source.assumingMemoryBound(to: UInt8.self)
    var used = 0
    while true {
      let offered = min(input.count - used, 1 << 30)  // zlib counts in 32 bits
      stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + used) }
      stream.avail_in = UInt32(offered)
      let (status, made) = chunk.withUnsafeMutableBufferPointer { target in
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, target.count - Int(stream.avail_out))
      }
      let taken = offered - Int(stream.avail_in)
      used += taken
      guard output.count + made <= limit else { throw Failure.tooLarge }
      output += chunk[..<made]
      switch status {
      case Z_STREAM_END: return used
      case Z_OK where taken > 0 || made > 0: continue
      case Z_OK, Z_BUF_ERROR: throw Failure.truncated
      default: throw Failure.damaged
      }
    }
  }
}
