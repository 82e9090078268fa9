import Tensors

/// The element types that files have: ours, and those that are read as a wider one of ours.
enum StoredType: Hashable, Sendable {
  case same(DType)
  /// IEEE half precision and bfloat16, read as f32.
  case f16, bf16
  /// Integers we do not compute in: read as i32, and u32 as i64.
  case i16, u16, u32

  /// Bytes of one element in the file.
  var size: Int {
    switch self {
    case .same(let dtype): dtype.size
    case .f16, .bf16, .i16, .u16: 2
    case .u32: 4
    }
  }

  /// The type of the tensor that is read.
  var dtype: DType {
    switch self {
    case .same(let dtype): dtype
    case .f16, .bf16: .f32
    case .i16, .u16: .i32
    case .u32: .i64
    }
  }

  /// What is wrong with `bytes` as elements of this type; nil where they are fine.
  func problem(in bytes: UnsafeRawBufferPointer) -> String? {
    guard self == .same(.bool), !bytes.allSatisfy({ $0 <= 1 }) else { return nil }
    return "is BOOL with bytes other than 0 and 1"
  }

  /// The elements in `bytes`, little-endian and in row-major order, which `owner` keeps alive: shared where they are
  /// of our type and aligned, else converted or copied.
  func tensor(_ shape: Shape, _ bytes: UnsafeMutableRawBufferPointer, owner: AnyObject) throws -> Tensor {
    if case .same(let dtype) = self { return try Tensor(shape, dtype, sharing: bytes, owner: owner) }
    try require(
      bytes.count == shape.elements * size, "tensor",
      "\(shape) takes \(shape.elements * size) bytes, got \(bytes.count)")
    let tensor = try Tensor(undefined: shape, dtype)
    let source = UnsafeRawBufferPointer(bytes)
    switch self {
    case .same: break
    case .f16: Self.convert(source, tensor.floats, Self.float(half:))
    case .bf16:
      Self.convert(source, tensor.floats) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case .i16: Self.convert(source, tensor.pointer(Int32.self)) { (value: Int16) in Int32(value) }
    case .u16: Self.convert(source, tensor.pointer(Int32.self)) { (value: UInt16) in Int32(value) }
    case .u32: Self.convert(source, tensor.pointer(Int64.self)) { (value: UInt32) in Int64(value) }
    }
    return tensor
  }

  @inline(__always)
  private static func convert<S: FixedWidthInteger, T>(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<T>, _ value: (S) -> T
  ) {
    let size = MemoryLayout<S>.size
    for i in 0..<source.count / size {
      target[i] = value(S(littleEndian: source.loadUnaligned(fromByteOffset: i * size, as: S.self)))
    }
  }

  /// Moves the bits into place and lets one product mend the exponent, that of subnormals too.
  @inline(__always)
  private static func float(half: UInt16) -> Float {
    let bits = UInt32(half & 0x7FFF) << 13
    let infinity: UInt32 = bits >= 0x7C00 << 13 ? 0x7F80_0000 : 0
    let size = (Float(bitPattern: bits) * 0x1p112).bitPattern | infinity
    return Float(bitPattern: size | UInt32(half & 0x8000) << 16)
  }
}
