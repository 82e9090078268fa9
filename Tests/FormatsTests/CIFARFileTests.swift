import TestSupport
import Tensors
import Testing

@testable import Formats

@Suite struct CIFARFileTests {
  /// Records of class i whose pixels are all i.
  private func records(_ classes: [UInt8]) -> [UInt8] {
    classes.flatMap { [$0] + [UInt8](repeating: $0, count: 3072) }
  }

  @Test func readsFilesAndFolders() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(records([3, 1]), to: "\(folder)/data_batch_1.bin")
      let one = try CIFARFile.read("\(folder)/data_batch_1.bin")
      #expect(one.stored.shape == [2, 3, 32, 32])
      #expect(try one.targets.array(Int64.self) == [3, 1])
      #expect(try one.skip(1).inputs.array(UInt8.self) == [UInt8](repeating: 1, count: 3072))
      #expect(try CIFARFile.load(folder).test == nil)

      try AtomicFile.write(records([9]), to: "\(folder)/data_batch_2.bin")
      try AtomicFile.write(records([0]), to: "\(folder)/test_batch.bin")
      let (train, test) = try CIFARFile.load(folder)
      #expect(try train.targets.array(Int64.self) == [3, 1, 9])
      #expect(try train.skip(2).inputs.array(UInt8.self) == [UInt8](repeating: 9, count: 3072))
      #expect(test?.count == 1 && train.classNames?[9] == "truck")
    }
  }

  @Test func refusesWhatIsNone() throws {
    try withTemporaryFolder { folder in
      let empty = #expect(throws: FileError.self) { try CIFARFile.load(folder) }
      #expect(
        empty?.description
          == "\(folder): has no data_batch_1.bin (with or without .gz); is it CIFAR-10's binary version?")
      let path = "\(folder)/data_batch_1.bin"
      try AtomicFile.write([1, 2, 3], to: path)
      let short = #expect(throws: FileError.self) { try CIFARFile.load(folder) }
      #expect(
        short?.description
          == "\(path): has 3 bytes, no multiple of the 3073 a CIFAR-10 image takes; fetch the file again")
      try AtomicFile.write(records([77]), to: path)
      #expect(throws: FileError.self) { try CIFARFile.load(folder) }
    }
  }

  @Test(.enabled(if: SharedData.folder("cifar10") != nil, "shared/data/cifar10 is not beside the package"))
  func readsTheRealFile() throws {
    let path = "\(try #require(SharedData.folder("cifar10")))/data_batch_1_first4000.bin.gz"
    let data = try CIFARFile.read(path)
    #expect(data.count == 4000)
    // The labels that data_batch_1 is known to begin with: frog, truck, truck, deer, automobile.
    #expect(try data.take(5).targets.array(Int64.self) == [6, 9, 9, 4, 1])
    #expect(try data.take(1).inputs.array(UInt8.self).prefix(4) == [59, 43, 50, 68])
  }
}
