/// The list of entries at the end of an archive.
struct ZipDirectory {
  private let file: UnsafeRawBufferPointer
  private let path: String
  private var start = 0
  private var end = 0
  private var count = 0

  private static let endBytes = 22
  private static let entryBytes = 46
  /// Deflate's limit: 258 bytes from two bits.
  private static let largestRatio = 1032

  init(_ file: UnsafeRawBufferPointer, _ path: String) throws {
    (self.file, self.path) = (file, path)
    guard let record = endRecord() else {
      throw FileError(
        path, "is cut short or no ZIP archive: it has no directory at its end; fetch the file again")
    }
    count = Int(file.little(UInt16.self, at: record + 10))
    var size = UInt64(file.little(UInt32.self, at: record + 12))
    var offset = UInt64(file.little(UInt32.self, at: record + 16))
    if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF,
      let wide = try wideRecord(before: record)
    {
      count = Int(clamping: file.little(UInt64.self, at: wide + 32))
      size = file.little(UInt64.self, at: wide + 40)
      offset = file.little(UInt64.self, at: wide + 48)
    }
    guard offset <= UInt64(record), size <= UInt64(record) - offset, count <= Int(size) / Self.entryBytes
    else {
      throw damaged("its directory of \(count) entries does not lie within it")
    }
    (start, end) = (Int(offset), Int(offset + size))
  }

  func entries() throws -> [ZipFile.Entry] {
    var entries: [ZipFile.Entry] = []
    entries.reserveCapacity(count)
    var (names, position, stored) = (Set<String>(), start, 0)
    for _ in 0..<count {
      let (entry, next) = try entry(at: position)
      guard names.insert(entry.name).inserted else { throw damaged("it has two entries '\(entry.name)'") }
      // Entries that share bytes would let a small file hold much more than it can.
      stored += entry.storedBytes
      guard stored <= file.count else { throw damaged("its entries overlap") }
      entries.append(entry)
      position = next
    }
    return entries
  }

  private func damaged(_ problem: String) -> FileError {
    FileError(path, "is a damaged ZIP archive: \(problem)")
  }

  /// The end-of-directory record; a comment of up to 65,535 bytes may follow it.
  private func endRecord() -> Int? {
    let last = file.count - Self.endBytes
    guard last >= 0 else { return nil }
    return stride(from: last, through: max(0, last - 0xFFFF), by: -1).first {
      file.little(UInt32.self, at: $0) == 0x0605_4B50
        && $0 + Self.endBytes + Int(file.little(UInt16.self, at: $0 + 20)) == file.count
    }
  }

  /// The zip64 record that the locator before the end record points to.
  private func wideRecord(before record: Int) throws -> Int? {
    let locator = record - 20
    guard locator >= 0, file.little(UInt32.self, at: locator) == 0x0706_4B50 else { return nil }
    let offset = file.little(UInt64.self, at: locator + 8)
    guard locator >= 56, offset <= UInt64(locator - 56),
      file.little(UInt32.self, at: Int(offset)) == 0x0606_4B50
    else { throw damaged("its zip64 record is not where it should be") }
    return Int(offset)
  }

  private func entry(at position: Int) throws -> (ZipFile.Entry, next: Int) {
    guard position <= end - Self.entryBytes, file.little(UInt32.self, at: position) == 0x0201_4B50 else {
      throw damaged("its directory is cut short")
    }
    func short(_ offset: Int) -> Int { Int(file.little(UInt16.self, at: position + offset)) }
    func word(_ offset: Int) -> UInt64 { UInt64(file.little(UInt32.self, at: position + offset)) }
    let nameEnd = position + Self.entryBytes + short(28)
    let extraEnd = nameEnd + short(30)
    let next = extraEnd + short(32)
    guard next <= end else { throw damaged("its directory is cut short") }
    guard let name = String(validating: file[(position + Self.entryBytes)..<nameEnd], as: UTF8.self) else {
      throw damaged("an entry's name is not UTF-8")
    }
    guard short(8) & 1 == 0 else {
      throw FileError(path, "holds '\(name)' encrypted; save it without a password")
    }
    guard [0, 8].contains(short(10)) else {
      throw FileError(
        path, "holds '\(name)' compressed by method \(short(10)); save it stored (0) or deflated (8)")
    }
    var sizes = [word(24), word(20), word(42)]
    try widen(&sizes, extra: nameEnd..<extraEnd)
    guard let byteCount = Int(exactly: sizes[0]), let stored = Int(exactly: sizes[1]),
      let header = Int(exactly: sizes[2]), stored <= file.count, header <= file.count
    else { throw damaged("'\(name)' does not lie within it") }
    let isCompressed = short(10) == 8
    guard isCompressed ? byteCount / Self.largestRatio <= stored : byteCount == stored else {
      throw damaged("'\(name)' cannot hold \(byteCount) bytes in \(stored)")
    }
    let entry = ZipFile.Entry(
      name: name, byteCount: byteCount, isCompressed: isCompressed, storedBytes: stored,
      checksum: UInt32(word(16)), headerOffset: header)
    return (entry, next)
  }

  /// Takes from the zip64 extra field, in this order, whichever of size, stored size and offset do not fit 32 bits.
  private func widen(_ sizes: inout [UInt64], extra: Range<Int>) throws {
    guard sizes.contains(0xFFFF_FFFF) else { return }
    var position = extra.lowerBound
    while position <= extra.upperBound - 4 {
      let tag = file.little(UInt16.self, at: position)
      var field = position + 4
      let fieldEnd = field + Int(file.little(UInt16.self, at: position + 2))
      guard fieldEnd <= extra.upperBound else { break }
      if tag == 1 {
        for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
          guard field <= fieldEnd - 8 else { throw damaged("a zip64 field is cut short") }
          sizes[index] = file.little(UInt64.self, at: field)
          field += 8
        }
        return
      }
      position = fieldEnd
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at `offset`; the caller has checked that it lies within.
  func little<T: FixedWidthInteger>(_: T.Type, at offset: Int) -> T {
    T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
