import CZlib

/// A ZIP archive for writing, stored or deflated, smaller than 4 GiB.
enum ZipArchive {
  /// The bytes of an archive. They depend on the entries alone: there are no dates in it.
  static func encode(
    _ entries: [(name: String, bytes: [UInt8])], compressed: Bool, _ path: String
  ) throws -> [UInt8] {
    var (archive, directory) = ([UInt8](), [UInt8]())
    for entry in entries {
      guard entry.bytes.count < 1 << 32 - 1, archive.count < 1 << 32 - 1 else {
        throw FileError(path, "would be larger than 4 GiB, which .npz files written here cannot be; use .npy")
      }
      let packed = compressed ? deflated(entry.bytes) : nil
      let data = packed ?? entry.bytes
      var header: [UInt8] = []
      header.append16(20)  // version needed: deflate
      header.append16(1 << 11)  // names are UTF-8
      header.append16(packed == nil ? 0 : 8)
      header.append16(0)  // time: midnight
      header.append16(0x21)  // date: 1 January 1980, the earliest there is
      header.append32(entry.bytes.withUnsafeBytes(ZipFile.checksum))
      header.append32(UInt32(data.count))
      header.append32(UInt32(entry.bytes.count))
      header.append16(UInt16(entry.name.utf8.count))
      header.append16(0)  // nothing extra
      directory.append32(0x0201_4b50)
      directory.append16(20)
      directory += header
      for _ in 0..<3 { directory.append16(0) }  // comment, disk, attributes
      directory.append32(0)
      directory.append32(UInt32(archive.count))
      directory += entry.name.utf8
      archive.append32(0x0403_4b50)
      archive += header
      archive += entry.name.utf8
      archive += data
    }
    let start = archive.count
    archive += directory
    archive.append32(0x0605_4b50)
    archive.append32(0)
    for _ in 0..<2 { archive.append16(UInt16(entries.count)) }
    archive.append32(UInt32(directory.count))
    archive.append32(UInt32(start))
    archive.append16(0)
    return archive
  }

  private static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
    return bytes.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: capacity) { target, made in
        stream.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0) }
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(capacity)
        made = deflate(&stream, Z_FINISH) == Z_STREAM_END ? capacity - Int(stream.avail_out) : 0
      }
    }
  }
}

extension [UInt8] {
  /// Little-endian numbers.
  fileprivate mutating func append16(_ value: UInt16) {
    append(UInt8(value & 0xff))
    append(UInt8(value >> 8))
  }

  fileprivate mutating func append32(_ value: UInt32) {
    append16(UInt16(value & 0xffff))
    append16(UInt16(value >> 16))
  }
}
