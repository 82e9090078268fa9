import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

/// An IDX file of bytes 0, 1, 2, ...
private func idx(_ extents: [UInt32], type: UInt8 = 8) -> [UInt8] {
  let count = extents.reduce(1) { $0 * Int($1) }
  return [0, 0, type, UInt8(extents.count)]
    + extents.flatMap { extent in (0..<4).map { UInt8(extent >> (24 - 8 * $0) & 0xff) } }
    + (0..<count).map { UInt8($0 & 0xff) }
}

struct Damage: CustomTestStringConvertible, Sendable {
  let bytes: [UInt8]
  let problem: String
  var testDescription: String { problem }
}

@Suite struct IDXFileTests {
  @Test func readsPlainAndCompressed() throws {
    let bytes = idx([2, 3, 2])
    for file in [
      bytes, deflated(bytes, .gzip),
      deflated(Array(bytes[..<9]), .gzip) + deflated(Array(bytes[9...]), .gzip),
    ] {
      let tensor = try IDXFile.decode(file, path: "x")
      #expect(tensor.shape == [2, 3, 2])
      #expect(try tensor.array(UInt8.self) == Array(0..<12))
    }
  }

  @Test func readsManyPieces() throws {
    let bytes = idx([1_000_000])
    #expect(try IDXFile.decode(deflated(bytes, .gzip), path: "x").count == 1_000_000)
  }

  @Test(arguments: [
    Damage(
      bytes: Array("PK\u{3}\u{4}".utf8),
      problem:
        "is not an IDX file (it does not begin with two zero bytes and a type); give one of the MNIST files"),
    Damage(
      bytes: [],
      problem:
        "is not an IDX file (it does not begin with two zero bytes and a type); give one of the MNIST files"),
    Damage(
      bytes: idx([2], type: 13), problem: "holds elements of IDX type 13; only unsigned bytes (8) are read"),
    Damage(bytes: [0, 0, 8, 3, 0, 0], problem: "is truncated within its header; fetch the file again"),
    Damage(bytes: [0, 0, 8, 200], problem: "has 200 dimensions; at most 8 are read"),
    Damage(
      bytes: Array(idx([2, 3]).dropLast()),
      problem: "is truncated: its header says [2, 3], 6 bytes, but 5 follow; fetch the file again"),
    Damage(
      bytes: idx([2, 3]) + [0],
      problem: "has bytes after its end: its header says [2, 3], 6 bytes, but 7 follow; fetch the file again"),
    Damage(
      bytes: [0, 0, 8, 3] + [UInt8](repeating: 255, count: 12),
      problem:
        "has a header with impossible extents [4294967295, 4294967295, 4294967295]; fetch the file again"),
    Damage(
      bytes: deflated(idx([50]), .gzip).dropLast(9),
      problem: "ends in the middle of its gzip data (truncated); fetch the file again"),
    Damage(
      bytes: [0x1f, 0x8b], problem: "ends in the middle of its gzip data (truncated); fetch the file again"),
    Damage(
      bytes: [0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      problem: "holds damaged gzip data; fetch the file again"),
    Damage(
      bytes: deflated(idx([2]), .gzip) + [1, 2, 3],
      problem: "has 3 bytes after the end of its gzip data; fetch the file again"),
  ])
  func explains(damage: Damage) {
    let error = #expect(throws: FileError.self) { try IDXFile.decode(damage.bytes, path: "a.gz") }
    #expect(error?.description == "a.gz: " + damage.problem)
  }

  @Test func refusesAnImagesFileWithOtherLabels() throws {
    let (images, labels) = (
      try IDXFile.decode(idx([3, 2, 2]), path: "i"), try IDXFile.decode(idx([2]), path: "l")
    )
    let error = #expect(throws: FileError.self) {
      try IDXFile.dataset(images: images, labels: labels, imagesPath: "i", labelsPath: "l")
    }
    #expect(error?.description == "l: has 2 labels, i has 3 images; give files that belong together")
  }

  @Test func refusesABombOfZeros() {
    let bomb = deflated([UInt8](repeating: 0, count: 1 << 20), .gzip)
    let error = #expect(throws: FileError.self) { try Gzip.decompress(bomb, path: "b.gz", limit: 1 << 16) }
    #expect(error?.description == "b.gz: holds more than 65536 bytes")
  }
}

@Suite struct MNISTFolderTests {
  private static let stems = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  @Test func findsTheFilesUnderTheirVariousNames() throws {
    try withTemporaryFolder { folder in
      let names = [
        Self.stems[0] + ".gz", Self.stems[1], "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz",
      ]
      for (name, bytes) in zip(
        names, [deflated(idx([3, 2, 2]), .gzip), idx([3]), idx([2, 2, 2]), deflated(idx([2]), .gzip)])
      {
        try AtomicFile.write(bytes, to: "\(folder)/\(name)")
      }
      let (train, test) = try MNISTFolder.load(folder)
      #expect(train.stored.shape == [3, 1, 2, 2])
      #expect(try train.inputs.array(Float.self)[11] == 11 / 255)
      #expect(try test.targets.array(Int64.self) == [0, 1])
    }
  }

  @Test func namesWhatIsMissing() throws {
    try withTemporaryFolder { folder in
      for stem in Self.stems.dropLast(2) { try AtomicFile.write([], to: "\(folder)/\(stem)") }
      let error = #expect(throws: FileError.self) { try MNISTFolder.load(folder) }
      #expect(
        error?.description
          == "\(folder): has no t10k-images-idx3-ubyte, no t10k-labels-idx1-ubyte (with or without .gz)")
    }
    let error = #expect(throws: FileError.self) { try MNISTFolder.load("/nowhere") }
    #expect(
      error?.description
        == "/nowhere: there is no such folder; give the folder that holds the four MNIST files")
  }

  @Test(.enabled(if: SharedData.folder("mnist") != nil, "shared/data/mnist is not beside the package"))
  func readsTheRealFiles() throws {
    let (train, test) = try MNISTFolder.load(#require(SharedData.folder("mnist")))
    #expect(train.stored.shape == [60_000, 1, 28, 28])
    #expect(test.count == 10_000 && test.classCount == 10)
    #expect(try train.targets.array(Int64.self).prefix(5) == [5, 0, 4, 1, 9])
  }
}
