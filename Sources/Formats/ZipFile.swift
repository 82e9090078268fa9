import CZlib

/// A ZIP archive for reading (PKWARE's APPNOTE 6.3): stored and deflated entries, zip64. What .npz and PyTorch's
/// .pt files are.
///
/// The central directory is checked when the file is opened, an entry when it is read: nothing outside of the
/// file is looked at, and no entry can hold more than deflate can pack into the bytes it has.
public struct ZipFile {
  public struct Entry: Sendable {
    public let name: String
    /// Bytes once decompressed.
    public let byteCount: Int
    public let isCompressed: Bool
    let storedBytes: Int
    let checksum: UInt32
    /// Where the entry's own header starts in the file.
    let headerOffset: Int
  }

  /// In the order of the directory; no two have the same name.
  public let entries: [Entry]
  private let places: [String: Int]
  let file: MappedFile
  /// What errors call the file.
  public var path: String { file.path }

  public init(contentsOf path: String) throws { try self.init(MappedFile(path)) }

  public init(decoding bytes: [UInt8], path: String) throws {
    try self.init(MappedFile(copying: bytes, as: path))
  }

  public init(_ file: MappedFile) throws {
    self.file = file
    entries = try ZipDirectory(UnsafeRawBufferPointer(file.bytes), file.path).entries()
    places = Dictionary(uniqueKeysWithValues: zip(entries.map(\.name), entries.indices))
  }

  public static func isArchive(_ file: MappedFile) -> Bool { file.bytes.starts(with: [0x50, 0x4B, 3, 4]) }

  public subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

  /// What the entry holds, decompressed and checked against its CRC-32.
  public func read(_ entry: Entry) throws -> [UInt8] {
    let stored = UnsafeRawBufferPointer(file.part(try range(of: entry)))
    let content = entry.isCompressed ? try inflated(stored, entry) : Array(stored)
    guard content.count == entry.byteCount, content.withUnsafeBytes(Self.checksum) == entry.checksum else {
      throw FileError(
        path, "is damaged: the checksum of '\(entry.name)' does not match; fetch the file again")
    }
    return content
  }

  /// Where the entry's bytes, compressed or not, lie in the file.
  public func range(of entry: Entry) throws -> Range<Int> {
    let (bytes, start) = (UnsafeRawBufferPointer(file.bytes), entry.headerOffset)
    guard start <= bytes.count - 30, bytes.little(UInt32.self, at: start) == 0x0403_4B50 else {
      throw FileError(path, "is damaged: '\(entry.name)' has no header where the directory says")
    }
    let names =
      Int(bytes.little(UInt16.self, at: start + 26)) + Int(bytes.little(UInt16.self, at: start + 28))
    let first = start + 30 + names
    guard first <= bytes.count, entry.storedBytes <= bytes.count - first else {
      throw FileError(path, "is damaged: '\(entry.name)' ends after the file does")
    }
    return first..<first + entry.storedBytes
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count))
  }

  private func inflated(_ stored: UnsafeRawBufferPointer, _ entry: Entry) throws -> [UInt8] {
    var content: [UInt8] = []
    do {
      _ = try Inflate.stream(stored, .none, into: &content, limit: entry.byteCount)
    } catch is Inflate.Failure {
      throw FileError(path, "is damaged: '\(entry.name)' cannot be decompressed; fetch the file again")
    }
    return content
  }
}
