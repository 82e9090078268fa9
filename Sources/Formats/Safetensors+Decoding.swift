import Foundation
import Tensors

extension Safetensors {
  public init(decoding bytes: [UInt8], path: String) throws {
    try self.init(MappedFile(copying: bytes, as: path))
  }

  /// Reads a file strictly: every offset within the file, no overlaps, no gaps, sizes that match. Tensors share
  /// the file's memory where they lie aligned in it, which is everywhere in files that this program writes.
  public init(_ file: MappedFile) throws {
    let (header, start) = try Self.header(UnsafeRawBufferPointer(file.bytes), file.path)
    var entries: [Entry] = []
    metadata = [:]
    for (name, value) in header {
      if name == Self.metadataKey {
        guard let text = value as? [String: String] else {
          throw FileError(file.path, "is damaged: its metadata must hold text only")
        }
        metadata = text
      } else {
        entries.append(try Entry(name, value, file.path))
      }
    }
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    try Self.checkLayout(entries, dataBytes: file.bytes.count - start, file.path)
    tensors = [:]
    for entry in entries { tensors[entry.name] = try entry.tensor(file, start) }
  }

  /// As large as the format's own library allows.
  private static let largestHeader = 100_000_000

  private static func header(_ bytes: UnsafeRawBufferPointer, _ path: String) throws
    -> ([String: Any], start: Int)
  {
    guard bytes.count >= 8 else {
      throw FileError(path, "is not a safetensors file: it has only \(bytes.count) bytes")
    }
    let length = bytes.little(UInt64.self, at: 0)
    guard length <= UInt64(min(largestHeader, bytes.count - 8)) else {
      throw FileError(
        path,
        "is truncated or no safetensors file: its header should have \(length) bytes, \(bytes.count - 8) follow"
      )
    }
    let start = 8 + Int(length)
    let json = try? JSONSerialization.jsonObject(with: Data(bytes[8..<start]))
    guard let header = json as? [String: Any] else {
      throw FileError(path, "is not a safetensors file: its header is not a JSON object")
    }
    return (header, start)
  }

  private static func checkLayout(_ entries: [Entry], dataBytes: Int, _ path: String) throws {
    var end = 0
    for entry in entries {
      let range = entry.range
      guard range.upperBound <= dataBytes else {
        throw FileError(
          path,
          "is truncated: tensor '\(entry.name)' ends at byte \(range.upperBound) of the data, which has \(dataBytes); "
            + "fetch or save the file again")
      }
      guard range.lowerBound == end else {
        let fault = range.lowerBound < end ? "overlaps another tensor" : "leaves a gap before it"
        throw FileError(
          path,
          "is damaged: tensor '\(entry.name)' at bytes \(range.lowerBound) to \(range.upperBound) \(fault)")
      }
      end = range.upperBound
    }
    guard end == dataBytes else {
      throw FileError(
        path, "has \(dataBytes - end) bytes after its last tensor; fetch or save the file again")
    }
  }
}

/// What the header says about one tensor.
private struct Entry {
  let name: String
  let type: StoredType
  let shape: Shape
  let range: Range<Int>

  init(_ name: String, _ value: Any, _ path: String) throws {
    func damaged(_ problem: String) -> FileError {
      FileError(path, "is damaged: tensor '\(name)' \(problem)")
    }
    guard let fields = value as? [String: Any], let code = fields["dtype"] as? String,
      let extents = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int],
      offsets.count == 2
    else { throw damaged("lacks dtype, shape or data_offsets, or they are of the wrong kind") }
    guard let type = Safetensors.types.first(where: { $0.1 == code })?.0 else {
      let known = Safetensors.types.map(\.1).joined(separator: ", ")
      throw FileError(path, "tensor '\(name)' has element type \(code); \(known) are read")
    }
    guard offsets[0] >= 0, offsets[0] <= offsets[1] else {
      throw damaged("has impossible offsets \(offsets)")
    }
    do { shape = try Shape(checking: extents, for: name) } catch {
      throw damaged("has an impossible shape \(extents)")
    }
    guard offsets[1] - offsets[0] == shape.elements * type.size else {
      throw damaged(
        "is \(code) \(shape), \(shape.elements * type.size) bytes, but its offsets span \(offsets[1] - offsets[0])"
      )
    }
    (self.name, self.type, range) = (name, type, offsets[0]..<offsets[1])
  }

  func tensor(_ file: MappedFile, _ start: Int) throws -> Tensor {
    let bytes = file.part(start + range.lowerBound..<start + range.upperBound)
    if let problem = type.problem(in: UnsafeRawBufferPointer(bytes)) {
      throw FileError(file.path, "is damaged: tensor '\(name)' \(problem)")
    }
    return try type.tensor(shape, bytes, owner: file)
  }
}
