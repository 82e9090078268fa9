import Models
import Tensors

/// The IDX format of the MNIST files (Yann LeCun): two zero bytes, a type code, the number of dimensions, the
/// extents as big-endian 32-bit numbers, the elements. Gzipped or not, as its first bytes say.
public enum IDXFile {
  /// The elements, u8 only, which is what data sets of images and labels use.
  ///
  /// A file that is not compressed is mapped, so that only what is looked at is read.
  public static func read(_ path: String) throws -> Tensor {
    let file = try MappedFile(path)
    if Gzip.isCompressed(Array(file.bytes.prefix(2))) { return try decode(Array(file.bytes), path: path) }
    let (shape, start) = try header(Array(file.bytes.prefix(64)), path)
    try check(shape, present: file.bytes.count - start, path)
    let elements = UnsafeMutableRawBufferPointer(rebasing: file.bytes[start...])
    return try Tensor(shape, .u8, sharing: elements, owner: file)
  }

  /// `path` is what errors call the data.
  public static func decode(_ file: [UInt8], path: String) throws -> Tensor {
    let bytes = Gzip.isCompressed(file) ? try Gzip.decompress(file, path: path) : file
    let (shape, start) = try header(bytes, path)
    let present = bytes.count - start
    try check(shape, present: present, path)
    let tensor = try Tensor(undefined: shape, .u8)
    bytes.withUnsafeBytes { source in
      if let base = source.baseAddress, present > 0 {
        tensor.bytes.copyMemory(from: base + start, byteCount: present)
      }
    }
    return tensor
  }

  private static func check(_ shape: Shape, present: Int, _ path: String) throws {
    guard present != shape.elements else { return }
    let verb = present < shape.elements ? "is truncated" : "has bytes after its end"
    throw FileError(
      path,
      "\(verb): its header says \(shape), \(shape.elements) bytes, but \(present) follow; fetch the file again"
    )
  }

  private static func header(_ bytes: [UInt8], _ path: String) throws -> (Shape, start: Int) {
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, bytes[3] >= 1 else {
      throw FileError(
        path,
        "is not an IDX file (it does not begin with two zero bytes and a type); give one of the MNIST files")
    }
    guard bytes[2] == 0x08 else {
      throw FileError(path, "holds elements of IDX type \(bytes[2]); only unsigned bytes (8) are read")
    }
    let (rank, start) = (Int(bytes[3]), 4 + 4 * Int(bytes[3]))
    guard rank <= Shape.maximumRank else {
      throw FileError(path, "has \(rank) dimensions; at most 8 are read")
    }
    guard bytes.count >= start else {
      throw FileError(path, "is truncated within its header; fetch the file again")
    }
    let extents = (0..<rank).map { axis in
      bytes[(4 + 4 * axis)..<(8 + 4 * axis)].reduce(0) { $0 << 8 | Int($1) }
    }
    do {
      return (try Shape(checking: extents, for: "idx"), start)
    } catch {
      throw FileError(path, "has a header with impossible extents \(extents); fetch the file again")
    }
  }

  /// Images [N, H, W] and labels [N] as a data set with u8 inputs [N, 1, H, W].
  public static func dataset(
    images: Tensor, labels: Tensor, imagesPath: String, labelsPath: String, classNames: [String]? = nil
  ) throws -> Dataset {
    guard images.rank == 3 else {
      throw FileError(
        imagesPath, "holds \(images.shape), not images [N, H, W]; are images and labels swapped?")
    }
    guard labels.rank == 1 else {
      throw FileError(labelsPath, "holds \(labels.shape), not labels [N]; are images and labels swapped?")
    }
    guard images.shape[0] == labels.shape[0] else {
      throw FileError(
        labelsPath,
        "has \(labels.shape[0]) labels, \(imagesPath) has \(images.shape[0]) images; give files that belong together"
      )
    }
    let shape: Shape = [images.shape[0], 1, images.shape[1], images.shape[2]]
    return try Dataset(
      inputs: images.reshaped(shape), targets: labels.converted(to: .i64), classNames: classNames)
  }
}
