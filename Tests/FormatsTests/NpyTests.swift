import Foundation
import Tensors
import Testing

@testable import Formats

@Suite struct NpyTests {
  private static func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count
    let count = version == 1 ? [length & 0xFF, length >> 8] : [length & 0xFF, length >> 8, 0, 0]
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + count.map { UInt8($0) } + Array(header.utf8) + data
  }

  private static func header(_ descr: String, _ shape: String, fortran: String = "False") -> String {
    "{'descr': '\(descr)', 'fortran_order': \(fortran), 'shape': \(shape), }\n"
  }

  @Test(arguments: DType.allCases) func keepsEveryBit(type: DType) throws {
    for shape in [[], [0], [3], [2, 3], [2, 1, 3]] as [Shape] {
      let x = try Tensor.from((0..<shape.elements).map { Double($0 % 2) }, shape, type)
      let y = try Npy.decode(Npy.encode(x), "x.npy")
      #expect(y.dtype == type && y.shape == shape)
      #expect(try y.doubles() == x.doubles())
    }
  }

  @Test func keepsNaNAndTheLargestIntegers() throws {
    let x = try Tensor([2], [Int64.max, .min])
    #expect(try Npy.decode(Npy.encode(x), "x").array(Int64.self) == [.max, .min])
    let nan = try Tensor([1], [Float(bitPattern: 0x7FC0_1234)])
    #expect(try Npy.decode(Npy.encode(nan), "x").array(Float.self)[0].bitPattern == 0x7FC0_1234)
  }

  /// The bytes that NumPy 1.24 writes for `np.array([[1, 2], [3, 4]], np.int32)`.
  @Test func writesWhatNumPyWrites() throws {
    let bytes = try Npy.encode(Tensor([2, 2], [1, 2, 3, 4] as [Int32]))
    let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }"
    let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    #expect(bytes == Self.file(padded, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]))
  }

  @Test func writesViewsInOrder() throws {
    let x = try Tensor([2, 2], [1, 2, 3, 4] as [Float]).transposed()
    #expect(try Npy.decode(Npy.encode(x), "x").array(Float.self) == [1, 3, 2, 4])
  }

  @Test(arguments: [1, 2, 3] as [UInt8]) func readsEveryVersion(version: UInt8) throws {
    let bytes = Self.file(Self.header("|u1", "(3,)"), [7, 8, 9], version: version)
    #expect(try Npy.decode(bytes, "x").array(UInt8.self) == [7, 8, 9])
  }

  @Test func readsColumnMajorAndBigEndian() throws {
    let columns = Self.file(Self.header("|i1", "(2, 3)", fortran: "True"), [1, 4, 2, 5, 3, 6])
    #expect(try Npy.decode(columns, "x").array(Int8.self) == [1, 2, 3, 4, 5, 6])
    let big = Self.file(Self.header(">i4", "(1,)"), [0, 0, 1, 2])
    #expect(try Npy.decode(big, "x").array(Int32.self) == [258])
    #expect(try Npy.decode(Self.file(Self.header("|b1", "()"), [5]), "x").array(Truth.self) == [Truth(true)])
  }

  private static let damaged: [(bytes: [UInt8], message: String)] = [
    (Array("hello".utf8), "x.npy: is no .npy file (it does not begin with NUMPY)"),
    ([0x93] + Array("NUMPY".utf8), "x.npy: is cut short within its header"),
    (file(header("<f4", "(2,)"), [0, 0, 0]), "x.npy: is cut short: f32 [2] needs 8 bytes, there are 3"),
    (file(header("<f4", "(1,)"), [0, 0, 0, 0, 0]), "x.npy: has 1 bytes more than f32 [1] needs"),
    (file("{'descr': '<f4', ", []), "x.npy: has a damaged header (no Python dictionary)"),
    (
      file("{'descr': '<f4'}", []),
      "x.npy: has a damaged header ('descr', 'fortran_order' or 'shape' is missing)"
    ),
    (
      file(header("<f2", "(1,)"), [0, 0]),
      "x.npy: has elements of type '<f2'; understood are f4, f8, i8, i4, i1, u1, b1: convert it with astype()"
    ),
    (file(header("<f4", "(-1,)"), []), "x.npy: an extent cannot be negative, got -1"),
    (file(header("<f4", "('a',)"), []), "x.npy: has a damaged header (a shape that is no tuple of integers)"),
    (
      file(header("<f4", "(9999999999, 9999999999)"), []),
      "x.npy: shape [9999999999, 9999999999] has more than 2^40 elements"
    ),
    (file("", [], version: 9), "x.npy: is of .npy version 9.0; versions 1 to 3 are understood"),
  ]

  @Test(arguments: damaged.indices) func explains(damage: Int) {
    let (bytes, message) = Self.damaged[damage]
    let error = #expect(throws: (any Error).self) { try Npy.decode(bytes, "x.npy") }
    #expect(error.map { "\($0)" } == message)
  }

  @Test func refusesEveryCutAndSurvivesEveryFlip() throws {
    let whole = try Npy.encode(Tensor.arange(start: 0, count: 6).reshaped([2, 3]))
    for length in 0..<whole.count {
      #expect(throws: (any Error).self) { try Npy.decode(Array(whole[..<length]), "x") }
    }
    for bit in 0..<whole.count * 8 {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      _ = try? Npy.decode(bytes, "x")
    }
  }

  @Test func savesAndLoadsAFile() throws {
    let path = NSTemporaryDirectory() + "qscript-\(UUID().uuidString).npy"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Npy.write(.arange(start: 0, count: 5), to: path)
    #expect(try Npy.read(path).doubles() == [0, 1, 2, 3, 4])
    #expect(throws: FileError.self) { try Npy.read(path + ".missing") }
    #expect(throws: FileError.self) { try Npy.write(.ones([1]), to: "/nonexistent/x.npy") }
  }
}
