import Foundation
import Tensors
import Testing

@testable import Formats

@Suite struct MappedFileTests {
  private let path = NSTemporaryDirectory() + "mapped-\(UUID().uuidString)"

  private func write(_ values: [Float], skipping bytes: Int = 0) throws {
    try AtomicFile.write(
      [UInt8](repeating: 7, count: bytes) + values.withUnsafeBytes { Array($0) }, to: path)
  }

  private func tensor(_ file: MappedFile, from start: Int, _ count: Int) throws -> Tensor {
    let part = UnsafeMutableRawBufferPointer(rebasing: file.bytes[start..<start + 4 * count])
    return try Tensor([count], .f32, sharing: part, owner: file)
  }

  @Test func isSharedByTensorsAndOutlivesItsName() throws {
    try write([1, 2, 3])
    defer { unlink(path) }
    var file: MappedFile? = try MappedFile(path)
    let address = file?.bytes.baseAddress
    let values = try tensor(#require(file), from: 0, 3)
    file = nil
    #expect(values.bytes == address)
    #expect(try values.array(Float.self) == [1, 2, 3])
  }

  @Test func isCopiedWhereElementsLieUnaligned() throws {
    try write([1, 2, 3], skipping: 3)
    defer { unlink(path) }
    let file = try MappedFile(path)
    #expect(try tensor(file, from: 3, 3).array(Float.self) == [1, 2, 3])
  }

  @Test func keepsTheFileAsItWasWhenATensorChanges() throws {
    try write([1, 2])
    defer { unlink(path) }
    let values = try tensor(MappedFile(path), from: 0, 2)
    values.floats[0] = 9
    #expect(try values.array(Float.self) == [9, 2])
    #expect(try tensor(MappedFile(path), from: 0, 2).array(Float.self) == [1, 2])
  }

  @Test func mayBeEmpty() throws {
    try write([])
    defer { unlink(path) }
    #expect(try MappedFile(path).bytes.isEmpty)
  }

  @Test func saysWhatIsWrong() {
    #expect { try MappedFile("/no/such/file") } throws: {
      "\($0)" == "/no/such/file: cannot be read: there is no such file or folder"
    }
    #expect { try MappedFile("/tmp") } throws: { "\($0)" == "/tmp: is a folder, not a file" }
  }
}
