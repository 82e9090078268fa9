import Models
import Tensors

/// The binary form of CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009): records of
/// one byte for the class and 3072 for the pixels, 32 rows of red, then green, then blue.
public enum CIFARFile {
  static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  private static let pixels = 3 * 32 * 32
  private static let record = 1 + pixels

  /// One file, gzipped or not, as u8 images [N, 3, 32, 32]. A file that is not compressed is mapped: its pixels are
  /// read when a batch asks for them.
  public static func read(_ path: String) throws -> Dataset { try read(MappedFile(path)) }

  static func read(_ file: MappedFile) throws -> Dataset {
    let path = file.path
    if Gzip.isCompressed(Array(file.bytes.prefix(2))) {
      return try decode([Gzip.decompress(Array(file.bytes), path: path)], [path])
    }
    try check(file.bytes.count, path)
    let records = try Tensor([file.bytes.count], .u8, sharing: file.bytes, owner: file)
    let count = file.bytes.count / record
    let images = records.view([count, 3, 32, 32], strides: [record, 1024, 32, 1], offset: 1)
    return try dataset(images, records.view([count], strides: [record]), path)
  }

  /// One file, or the files of a folder: those called `data_batch*.bin` in their order, and `test_batch.bin`, gzipped or not.
  /// The second is nil where there is none.
  public static func load(_ folder: String) throws -> (train: Dataset, test: Dataset?) {
    guard FolderListing.isFolder(folder) else { return (try read(folder), nil) }
    let names = try FolderListing.names(folder, "the folder that holds CIFAR-10's data_batch_1.bin to 5")
    func paths(_ prefix: String) -> [String] {
      names.filter { $0.hasPrefix(prefix) && ($0.hasSuffix(".bin") || $0.hasSuffix(".bin.gz")) }
        .map { "\(folder)/\($0)" }
    }
    let (train, test) = (paths("data_batch"), paths("test_batch"))
    guard !train.isEmpty else {
      throw FileError(
        folder, "has no data_batch_1.bin (with or without .gz); is it CIFAR-10's binary version?")
    }
    func part(_ paths: [String]) throws -> Dataset {
      paths.count == 1 ? try read(paths[0]) : try decode(paths.map(plainBytes), paths)
    }
    return (try part(train), test.isEmpty ? nil : try part(test))
  }

  private static func plainBytes(_ path: String) throws -> [UInt8] {
    let bytes = try AtomicFile.read(path)
    return Gzip.isCompressed(bytes) ? try Gzip.decompress(bytes, path: path) : bytes
  }

  private static func check(_ count: Int, _ path: String) throws {
    guard count > 0, count % record == 0 else {
      throw FileError(
        path, "has \(count) bytes, no multiple of the \(record) a CIFAR-10 image takes; fetch the file again")
    }
  }

  private static func decode(_ files: [[UInt8]], _ paths: [String]) throws -> Dataset {
    for (bytes, path) in zip(files, paths) { try check(bytes.count, path) }
    let count = files.reduce(0) { $0 + $1.count / record }
    let images = try Tensor(undefined: [count, 3, 32, 32], .u8)
    let labels = try Tensor(undefined: [count], .u8)
    var next = 0
    for bytes in files {
      bytes.withUnsafeBytes { source in
        guard let base = source.baseAddress else { return }
        for start in stride(from: 0, to: source.count, by: record) {
          labels.pointer(UInt8.self)[next] = source[start]
          (images.bytes + next * pixels).copyMemory(from: base + start + 1, byteCount: pixels)
          next += 1
        }
      }
    }
    return try dataset(images, labels, paths.joined(separator: ", "))
  }

  private static func dataset(_ images: Tensor, _ labels: Tensor, _ path: String) throws -> Dataset {
    let classes = try labels.converted(to: .i64)
    if let bad = try classes.array(Int64.self).first(where: { $0 > 9 }) {
      throw FileError(
        path, "has the class \(bad); those of CIFAR-10 go from 0 to 9 (CIFAR-100 has other records)")
    }
    return try Dataset(inputs: images, targets: classes, classNames: classNames)
  }
}
