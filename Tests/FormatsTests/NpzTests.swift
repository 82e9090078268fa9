import Tensors
import TestSupport
import Testing

@testable import Formats

@Suite struct NpzTests {
  @Test(arguments: [false, true])
  func keepsEveryTensorExactly(compressed: Bool) throws {
    let tensors = [
      "a": try Tensor([2, 3], [1, -2, .infinity, 0.1, -0, .leastNonzeroMagnitude] as [Float]),
      "empty": try Tensor([0, 4], [] as [Int64]), "many": try Tensor.arange(start: 0, count: 100_000),
      "scalar": try Tensor.scalar(2.5, .f64),
    ]
    let bytes = try Npz.encode(tensors, compressed: compressed, "x")
    #expect(try Npz.encode(tensors, compressed: compressed, "x") == bytes)
    #expect((bytes.count < 200_000) == compressed)
    let read = try Npz.decode(bytes, "x")
    #expect(read.keys.sorted() == ["a", "empty", "many", "scalar"])
    for (name, tensor) in tensors {
      let found = try #require(read[name])
      #expect(found.shape == tensor.shape && found.dtype == tensor.dtype)
      #expect(try found.doubles().map(\.bitPattern) == tensor.doubles().map(\.bitPattern))
    }
  }

  @Test func makesADataSet() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/d.npz"
      try Npz.write(
        [
          "x": .ones([3, 2]), "y": Tensor([3, 1], [0, 2, 1] as [Float]),
          "odd": Tensor([3], [0, 0.5, 1] as [Float]),
        ], to: path)
      let data = try Npz.dataset(path, inputs: "x", targets: "y")
      #expect(try data.targets.array(Int64.self) == [0, 2, 1])
      let missing = #expect(throws: FileError.self) { try Npz.dataset(path, inputs: "z", targets: "y") }
      #expect(
        missing?.description
          == "\(path): has no array 'z'; choose one with the option inputs (there are 'odd', 'x', 'y')")
      let odd = #expect(throws: FileError.self) { try Npz.dataset(path, inputs: "x", targets: "odd") }
      #expect(
        odd?.description == "\(path): odd: holds 0.5, which is no class; targets must be whole numbers")
    }
  }

  @Test(.enabled(if: SharedData.folder("digits") != nil, "shared/data/digits is not beside the package"))
  func readsWhatNumPyWrote() throws {
    let folder = try #require(SharedData.folder("digits"))
    let data = try Npz.dataset("\(folder)/digits.npz", inputs: "images", targets: "labels")
    let images = try IDXFile.read("\(folder)/digits-images-idx3-ubyte")
    #expect(try data.inputs.array(UInt8.self) == images.array(UInt8.self))
    let iris = try Npz.dataset("\(folder)/iris.npz", inputs: "x", targets: "y")
    #expect(iris.stored.shape == [150, 4] && iris.classCount == 3)
  }
}

@Suite struct MappedTensorTests {
  @Test func aMappedNpyIsTheFileAndChangesToItStayInMemory() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npy"
      let values = (0..<1000).map { Float($0) }
      try Npy.write(Tensor([100, 10], values), to: path)
      let mapped = try Npy.map(path)
      #expect(try mapped.array(Float.self) == values)
      mapped.fill(7)
      #expect(try Npy.map(path).array(Float.self) == values)
      try Npy.write(Tensor([2], [1, 0] as [UInt8]), to: path)  // replaced, not overwritten
      #expect(try mapped.array(Float.self) == [Float](repeating: 7, count: 1000))
    }
  }

  @Test func aFileThatIsCutShortIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npy"
      try AtomicFile.write(Array(Npy.encode(.ones([4])).dropLast()), to: path)
      let error = #expect(throws: FileError.self) { try Npy.map(path) }
      #expect(error?.description == "\(path): is cut short: f32 [4] needs 16 bytes, there are 15")
    }
  }
}
