import Tensors

/// NumPy's file of one array (NEP 1, "A simple file format for NumPy arrays"; versions 1.0 to 3.0).
///
/// What is written is version 1.0, row-major, little-endian: every element bit for bit. Big-endian and
/// column-major files are read too.
public enum Npy {
  public static func read(_ path: String) throws -> Tensor { try decode(try AtomicFile.read(path), path) }

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
    let expected = header.shape.elements * header.dtype.size
    let found = bytes.count - start
    guard found >= expected else {
      throw FileError(
        path, "is cut short: \(header.dtype) \(header.shape) needs \(expected) bytes, there are \(found)")
    }
    guard found == expected else {
      throw FileError(path, "has \(found - expected) bytes more than \(header.dtype) \(header.shape) needs")
    }
    let stored = header.isColumnMajor ? Shape(header.shape.reversed()) : header.shape
    let tensor = try Tensor(undefined: stored, header.dtype)
    bytes.withUnsafeBytes { fill(tensor, UnsafeRawBufferPointer(rebasing: $0[start...]), header) }
    return header.isColumnMajor ? try tensor.permuted(stored.indices.reversed()).contiguous() : tensor
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
