import Foundation
import Testing

@testable import Formats

/// Writes archives as other programs do, and as no program should.
struct ZipWriter {
  var zip64 = false
  var method: UInt16 = 0
  var flags: UInt16 = 0
  var comment = ""
  private(set) var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0

  init(zip64: Bool = false, method: UInt16 = 0) { (self.zip64, self.method) = (zip64, method) }

  mutating func add(_ name: String, _ content: [UInt8], checksum: UInt32? = nil, claimed: Int? = nil) {
    let stored = method == 8 ? deflated(content, .none) : content
    let crc = checksum ?? content.withUnsafeBytes(ZipFile.checksum)
    let (offset, size) = (bytes.count, claimed ?? content.count)
    let sizes = zip64 ? [UInt32.max, .max] : [UInt32(stored.count), UInt32(size)]
    let common =
      Self.little(20 as UInt16, flags, method, 0, 0) + Self.little(crc) + Self.little(sizes[0], sizes[1])
    let wide =
      zip64
      ? Self.little(1 as UInt16, 24) + Self.little(UInt64(size), UInt64(stored.count), UInt64(offset)) : []
    bytes +=
      Self.little(0x0403_4B50 as UInt32) + common + Self.little(UInt16(name.utf8.count), 0) + Array(name.utf8)
    bytes += stored
    directory += Self.little(0x0201_4B50 as UInt32) + Self.little(20 as UInt16) + common
    directory += Self.little(UInt16(name.utf8.count), UInt16(wide.count), 0, 0, 0) + Self.little(0 as UInt32)
    directory += Self.little(zip64 ? .max : UInt32(offset)) + Array(name.utf8) + wide
    count += 1
  }

  func finished() -> [UInt8] {
    var all = bytes + directory
    if zip64 {
      let record = all.count
      all += Self.little(0x0606_4B50 as UInt32) + Self.little(44 as UInt64) + Self.little(45 as UInt16, 45)
      all += Self.little(0 as UInt32, 0)
      all += Self.little(UInt64(count), UInt64(count), UInt64(directory.count), UInt64(bytes.count))
      all += Self.little(0x0706_4B50 as UInt32, 0) + Self.little(UInt64(record)) + Self.little(1 as UInt32)
    }
    all += Self.little(0x0605_4B50 as UInt32) + Self.little(0 as UInt16, 0)
    all += zip64 ? Self.little(.max as UInt16, .max) : Self.little(UInt16(count), UInt16(count))
    all +=
      zip64 ? Self.little(.max as UInt32, .max) : Self.little(UInt32(directory.count), UInt32(bytes.count))
    return all + Self.little(UInt16(comment.utf8.count)) + Array(comment.utf8)
  }

  private static func little<T: FixedWidthInteger>(_ numbers: T...) -> [UInt8] {
    numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian, Array.init) }
  }
}

@Suite struct ZipFileTests {
  private let text = Array(String(repeating: "the same again, ", count: 40_000).utf8)

  private func archive(zip64: Bool = false, method: UInt16 = 0) -> ZipWriter {
    var writer = ZipWriter(zip64: zip64, method: method)
    writer.add("a/text", text)
    writer.add("empty", [])
    writer.add("z\u{e4}hler", [1, 2, 3])
    return writer
  }

  @Test(arguments: [false, true], [0, 8] as [UInt16])
  func readsStoredAndDeflatedAndWideArchives(zip64: Bool, method: UInt16) throws {
    var writer = archive(zip64: zip64, method: method)
    writer.comment = "PK, a comment"
    let zip = try ZipFile(decoding: writer.finished(), path: "f.zip")
    #expect(zip.entries.map(\.name) == ["a/text", "empty", "z\u{e4}hler"])
    #expect(try zip.entries.map { try zip.read($0) } == [text, [], [1, 2, 3]])
    #expect(zip["a/text"]?.isCompressed == (method == 8) && zip["b"] == nil)
  }

  @Test func saysWhereStoredBytesLie() throws {
    let bytes = archive().finished()
    let zip = try ZipFile(decoding: bytes, path: "f")
    #expect(try Array(bytes[zip.range(of: #require(zip["z\u{e4}hler"]))]) == [1, 2, 3])
  }

  private func problem(_ change: (inout ZipWriter) -> Void) throws -> String {
    var writer = ZipWriter()
    change(&writer)
    let error = #expect(throws: FileError.self) {
      let zip = try ZipFile(decoding: writer.finished(), path: "f")
      for entry in zip.entries { _ = try zip.read(entry) }
    }
    return error?.problem ?? ""
  }

  @Test func refusesWhatItCannotRead() throws {
    #expect(
      try problem {
        $0.method = 14; $0.add("a", [1])
      }.contains("'a' compressed by method 14"))
    #expect(
      try problem {
        $0.flags = 1; $0.add("a", [1])
      }.contains("holds 'a' encrypted"))
    #expect(
      try problem {
        $0.add("a", [1]); $0.add("a", [2])
      }.contains("two entries 'a'"))
    #expect(try problem { $0.add("a", [1], checksum: 7) }.contains("the checksum of 'a' does not match"))
    #expect(try problem { $0.add("a", [1], claimed: 9) }.contains("'a' cannot hold 9 bytes in 1"))
    #expect(
      try problem {
        $0.method = 8; $0.add("a", [1], claimed: 1 << 20)
      }.contains("cannot hold 1048576 bytes"))
    #expect(
      try problem {
        $0.method = 8; $0.add("a", text, claimed: 9)
      }.contains("cannot be decompressed"))
    #expect(throws: FileError.self) { try ZipFile(decoding: Array("no archive at all".utf8), path: "f") }
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = archive(zip64: true, method: 8).finished()
    for length in 0..<bytes.count {
      #expect(throws: FileError.self) { try ZipFile(decoding: Array(bytes[..<length]), path: "f") }
    }
  }
}
