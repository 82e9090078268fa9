import Models
import Tensors

/// NumPy's file of one array (NEP 1, "A simple file format for NumPy arrays"; versions 1.0 to 3.0).
///
/// What is written is version 1.0, row-major, little-endian: every element bit for bit. Big-endian and
/// column-major files are read too.
public enum Npy {
  public static func read(_ path: String) throws -> Tensor { try decode(try AtomicFile.read(path), path) }

  /// The array in a file, mapped rather than read where it lies there as tensors do: little-endian, row-major.
  public static func map(_ path: String) throws -> Tensor {
    let file = try MappedFile(path)
    let (header, start) = try NpyHeader.decode(Array(file.bytes.prefix(1 << 17)), path)
    try check(header, found: file.bytes.count - start, path)
    guard !header.isColumnMajor, !header.isBigEndian, header.dtype != .bool else { return try read(path) }
    let elements = UnsafeMutableRawBufferPointer(rebasing: file.bytes[start...])
    return try Tensor(header.shape, header.dtype, sharing: elements, owner: file)
  }

  /// Inputs [N, ...] and classes [N] from two files, mapped.
  public static func dataset(inputs: String, targets: String) throws -> Dataset {
    try Dataset(inputs: map(inputs), targets: read(targets).asClasses(of: targets))
  }

  public static func write(_ tensor: Tensor, to path: String) throws {
    try AtomicFile.write(try encode(tensor), to: path)
  }

  /// The bytes of a file that holds `tensor`.
  public static func encode(_ tensor: Tensor) throws -> [UInt8] {
    let source = try tensor.contiguous()
    var bytes = NpyHeader(dtype: tensor.dtype, shape: tensor.shape).encoded()
    bytes += UnsafeRawBufferPointer(start: source.bytes, count: source.byteCount)
    return bytes
  }

  /// The array in `bytes`; errors name `path`.
  public static func decode(_ bytes: [UInt8], _ path: String) throws -> Tensor {
    let (header, start) = try NpyHeader.decode(bytes, path)
    try check(header, found: bytes.count - start, path)
    let stored = header.isColumnMajor ? Shape(header.shape.reversed()) : header.shape
    let tensor = try Tensor(undefined: stored, header.dtype)
    bytes.withUnsafeBytes { fill(tensor, UnsafeRawBufferPointer(rebasing: $0[start...]), header) }
    return header.isColumnMajor ? try tensor.permuted(stored.indices.reversed()).contiguous() : tensor
  }

  private static func check(_ header: NpyHeader, found: Int, _ path: String) throws {
    let expected = header.shape.elements * header.dtype.size
    guard found >= expected else {
      throw FileError(
        path, "is cut short: \(header.dtype) \(header.shape) needs \(expected) bytes, there are \(found)")
    }
    guard found == expected else {
      throw FileError(path, "has \(found - expected) bytes more than \(header.dtype) \(header.shape) needs")
    }
  }

  private static func fill(_ tensor: Tensor, _ source: UnsafeRawBufferPointer, _ header: NpyHeader) {
    let (target, size) = (tensor.bytes.assumingMemoryBound(to: UInt8.self), header.dtype.size)
    if header.dtype == .bool {
      for i in 0..<source.count { target[i] = source[i] != 0 ? 1 : 0 }
    } else if header.isBigEndian {
      for i in 0..<source.count { target[i] = source[i / size * size + (size - 1 - i % size)] }
    } else if let base = source.baseAddress {
      tensor.bytes.copyMemory(from: base, byteCount: source.count)
    }
  }
}

extension Tensor {
  /// Whole numbers of any type as i64 classes [N]; one column [N, 1] will do.
  func asClasses(of source: String) throws -> Tensor {
    let flat = rank == 2 && shape[1] == 1 ? try contiguous().view([shape[0]], strides: [1]) : self
    guard flat.dtype.isFloatingPoint else { return try flat.converted(to: .i64) }
    let values = try flat.doubles()
    guard let bad = values.first(where: { Int64(exactly: $0) == nil }) else {
      return try Tensor(flat.shape, values.map { Int64($0) })
    }
    throw FileError(source, "holds \(bad), which is no class; targets must be whole numbers")
  }
}
