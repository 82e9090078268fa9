import Foundation
import Tensors

/// Where a model's numbers lie: its own bytes, and files beside it.
final class OnnxSource {
  let file: MappedFile
  private var external: [String: MappedFile] = [:]

  init(_ file: MappedFile) { self.file = file }

  /// The bytes of external data, which must lie in the model's folder or below it.
  func externalData(_ location: String, offset: Int, length: Int?) throws -> (
    UnsafeMutableRawBufferPointer, owner: MappedFile
  ) {
    let file = try externalFile(location)
    let length = length ?? file.bytes.count - offset
    guard offset >= 0, length >= 0, offset <= file.bytes.count, length <= file.bytes.count - offset else {
      throw ProtobufMessage.Malformed(
        problem: "names \(length) bytes from \(offset) of '\(location)', which has \(file.bytes.count)")
    }
    return (UnsafeMutableRawBufferPointer(rebasing: file.bytes[offset..<offset + length]), file)
  }

  private func externalFile(_ location: String) throws -> MappedFile {
    if let known = external[location] { return known }
    let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().resolvingSymlinksInPath()
    let place = folder.appendingPathComponent(location).resolvingSymlinksInPath()
    guard !location.hasPrefix("/"), place.path.hasPrefix(folder.path == "/" ? "/" : folder.path + "/") else {
      throw ProtobufMessage.Malformed(
        problem: "names the file '\(location)', which lies outside of the model's folder")
    }
    let opened = try MappedFile(place.path)
    external[location] = opened
    return opened
  }
}

/// A TensorProto: its numbers are read when they are asked for.
struct OnnxTensor {
  var name = ""
  var dims: [Int] = []
  var typeCode = 0
  private var content = Content.none
  private var source: OnnxSource?
  private let numbers = Numbers()

  private final class Numbers { var tensor: Tensor? }

  private enum Content {
    case none
    case raw(UnsafeMutableRawBufferPointer)
    case floats([Float])
    case doubles([Double])
    case integers([Int])
    case external(location: String, offset: Int, length: Int?)
    /// To be written.
    case tensor(Tensor)
  }

  /// A tensor to be written.
  init(_ name: String, _ tensor: Tensor, as type: OnnxType? = nil) {
    self.name = name
    dims = tensor.shape.dims
    typeCode = (type ?? OnnxType(tensor.dtype)).rawValue
    content = .tensor(tensor)
  }

  init(_ message: ProtobufMessage, _ source: OnnxSource) throws {
    self.source = source
    var (floats, doubles, integers) = ([Float](), [Double](), [Int]())
    var external: [String: String] = [:]
    var isExternal = false
    try message.forEachField { number, value in
      switch number {
      case 1: dims += try value.integers()
      case 2: typeCode = try value.integer()
      case 4: floats += try value.floats()
      case 5, 7, 11: integers += try value.integers()
      case 8: name = try value.text()
      case 9: content = .raw(try value.content())
      case 10: doubles += try value.doubles()
      case 13:
        let (key, text) = try Self.pair(value.message())
        external[key] = text
      case 14: isExternal = try value.integer() == 1
      default: break
      }
    }
    if isExternal {
      guard let location = external["location"], !location.isEmpty else {
        throw ProtobufMessage.Malformed(problem: "holds tensor '\(name)' with external data but no location")
      }
      content = .external(
        location: location, offset: external["offset"].flatMap { Int($0) } ?? 0,
        length: external["length"].flatMap { Int($0) })
    } else if !floats.isEmpty {
      content = .floats(floats)
    } else if !doubles.isEmpty {
      content = .doubles(doubles)
    } else if !integers.isEmpty {
      content = .integers(integers)
    }
  }

  static func pair(_ message: ProtobufMessage) throws -> (String, String) {
    var (key, text) = ("", "")
    try message.forEachField { number, value in
      if number == 1 { key = try value.text() }
      if number == 2 { text = try value.text() }
    }
    return (key, text)
  }

  // MARK: Reading

  /// The numbers, in the type of ours that holds them; a view of the file where that is possible. Copies of this
  /// value share what was read.
  func tensor() throws -> Tensor {
    if let known = numbers.tensor { return known }
    let tensor = try read()
    numbers.tensor = tensor
    return tensor
  }

  private func read() throws -> Tensor {
    guard let type = OnnxType(rawValue: typeCode), let dtype = type.dtype else {
      let what = OnnxType(rawValue: typeCode).map { "\($0)" } ?? "number \(typeCode)"
      throw ProtobufMessage.Malformed(
        problem: "holds tensor '\(name)' of element type \(what), which is not read")
    }
    let shape: Shape
    do { shape = try Shape(checking: dims, for: "onnx") } catch let error as ShapeError {
      throw ProtobufMessage.Malformed(
        problem: "holds tensor '\(name)' of an impossible shape: \(error.problem)")
    }
    switch content {
    case .tensor(let tensor): return tensor
    case .raw(let bytes): return try decode(bytes, shape, type, dtype, owner: source)
    case .external(let location, let offset, let length):
      guard let source else { preconditionFailure("a tensor read from a file knows its source") }
      let (bytes, owner) = try source.externalData(
        location, offset: offset, length: length ?? (shape.elements * type.bits + 7) / 8)
      return try decode(bytes, shape, type, dtype, owner: owner)
    case .floats(let values): return try converted(values.map(Double.init), shape, dtype)
    case .doubles(let values): return try converted(values, shape, dtype)
    case .integers(let values): return try fromIntegers(values, shape, type, dtype)
    case .none:
      guard shape.elements == 0 else { throw count(0, shape) }
      return try Tensor(undefined: shape, dtype)
    }
  }

  private func count(_ found: Int, _ shape: Shape) -> ProtobufMessage.Malformed {
    ProtobufMessage.Malformed(
      problem:
        "holds tensor '\(name)' of shape \(shape) with data for \(found) elements instead of \(shape.elements)"
    )
  }

  private func converted(_ values: [Double], _ shape: Shape, _ dtype: DType) throws -> Tensor {
    guard values.count == shape.elements else { throw count(values.count, shape) }
    return try Tensor.from(values, shape, dtype)
  }

  /// int32_data and int64_data: a number for each element, or for two or four of them where they have fewer bits;
  /// float16 and bfloat16 by their bits.
  private func fromIntegers(_ values: [Int], _ shape: Shape, _ type: OnnxType, _ dtype: DType) throws
    -> Tensor
  {
    if type == .int64 || type == .uint32 || type == .uint64 {
      guard values.count == shape.elements else { throw count(values.count, shape) }
      return try Tensor(shape, values.map { Int64($0) })
    }
    let bytesEach = max(type.bits / 8, 1)
    var bytes: [UInt8] = []
    for value in values {
      let little = UInt64(bitPattern: Int64(value)).littleEndian
      withUnsafeBytes(of: little) { bytes += $0.prefix(bytesEach) }
    }
    return try bytes.withUnsafeMutableBytes { try decode($0, shape, type, dtype, owner: nil) }
  }

  /// From little-endian bytes; packed where an element has fewer than eight bits, the first in the lowest bits.
  private func decode(
    _ bytes: UnsafeMutableRawBufferPointer, _ shape: Shape, _ type: OnnxType, _ dtype: DType,
    owner: AnyObject?
  ) throws -> Tensor {
    guard bytes.count == (shape.elements * type.bits + 7) / 8 else {
      throw count(bytes.count * 8 / max(type.bits, 1), shape)
    }
    if type.isOurs && dtype != .bool, let owner {
      return try Tensor(shape, dtype, sharing: bytes, owner: owner)
    }
    let result = try Tensor(undefined: shape, dtype)
    let count = shape.elements
    func fill<T: Element>(_: T.Type, _ value: (Int) -> T) {
      let target = result.pointer(T.self)
      for i in 0..<count { target[i] = value(i) }
    }
    func bits<T: FixedWidthInteger>(_ i: Int, _: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self))
    }
    func packed(_ i: Int) -> UInt8 {
      bytes[i * type.bits / 8] >> UInt8(i * type.bits % 8) & (1 << UInt8(type.bits) - 1)
    }
    func signed(_ i: Int) -> Int8 {
      let unused = Int8(8 - type.bits)
      return (Int8(bitPattern: packed(i)) << unused) >> unused
    }
    switch type {
    case .float16: fill(Float.self) { Float(Float16(bitPattern: bits($0, UInt16.self))) }
    case .bfloat16: fill(Float.self) { Float(bitPattern: UInt32(bits($0, UInt16.self)) << 16) }
    case .int16: fill(Int32.self) { Int32(bits($0, Int16.self)) }
    case .uint16: fill(Int32.self) { Int32(bits($0, UInt16.self)) }
    case .uint32: fill(Int64.self) { Int64(bits($0, UInt32.self)) }
    case .uint4, .uint2: fill(UInt8.self, packed)
    case .int4, .int2: fill(Int8.self, signed)
    case .bool:
      let target = result.bytes.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count { target[i] = bytes[i] == 0 ? 0 : 1 }
    default: if let base = bytes.baseAddress { result.bytes.copyMemory(from: base, byteCount: bytes.count) }
    }
    return result
  }

  // MARK: Writing

  /// The numbers as raw_data; 4-bit types take i8 or u8 tensors and are packed two to a byte.
  func write(to writer: inout ProtobufWriter) throws {
    let values = try tensor().contiguous()
    writer.packed(1, dims)
    writer.varint(2, typeCode)
    writer.nonEmpty(8, name)
    let bytes = UnsafeRawBufferPointer(start: values.bytes, count: values.byteCount)
    if typeCode == OnnxType.int4.rawValue || typeCode == OnnxType.uint4.rawValue {
      writer.data(
        9,
        stride(from: 0, to: bytes.count, by: 2).map { i in
          bytes[i] & 15 | (i + 1 < bytes.count ? bytes[i + 1] << 4 : 0)
        })
    } else {
      writer.data(9, bytes)
    }
    withExtendedLifetime(values) {}
  }
}
