import Foundation

/// One of ONNX's operator test cases, read from the shared data beside the repository: inputs and expected outputs.
struct ONNXCase {
  let inputs, outputs: [ONNXTensor]

  /// `QSCRIPT_SHARED`, or the folder `shared` beside the package; nil where there is none.
  static let folder: URL? = {
    let named = ProcessInfo.processInfo.environment["QSCRIPT_SHARED"].map { URL(fileURLWithPath: $0) }
    var candidates = named.map { [$0] } ?? []
    var parent = URL(fileURLWithPath: #filePath)
    while named == nil, parent.path != "/" {
      parent.deleteLastPathComponent()
      candidates.append(parent.appendingPathComponent("shared"))
    }
    return candidates.map { $0.appendingPathComponent("data/onnx-node-tests") }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }()

  init(_ name: String) throws {
    let data = Self.folder!.appendingPathComponent(name).appendingPathComponent("test_data_set_0")
    func tensors(_ prefix: String) throws -> [ONNXTensor] {
      var read: [ONNXTensor] = []
      while let bytes = try? Data(contentsOf: data.appendingPathComponent("\(prefix)_\(read.count).pb")) {
        read.append(try ONNXTensor(serialized: [UInt8](bytes)))
      }
      return read
    }
    inputs = try tensors("input")
    outputs = try tensors("output")
  }
}

/// A TensorProto of the few element types integer operators use, its values widened.
struct ONNXTensor {
  enum Problem: Error { case truncated, elementType(Int) }

  private(set) var dims: [Int] = []
  private(set) var values: [Double] = []

  var integers: [Int] { values.map { Int($0) } }
  var floats: [Float] { values.map { Float($0) } }
  /// One number for a scalar, or for a tensor of one element.
  var integer: Int { integers[0] }
  var float: Float { floats[0] }

  init(serialized bytes: [UInt8]) throws {
    var reader = ProtobufReader(bytes: bytes[...])
    var type = 0
    var raw: ArraySlice<UInt8> = []
    while let (field, payload) = try reader.next() {
      switch (field, payload) {
      case (1, .varint(let dim)): dims.append(Int(dim))
      case (1, .bytes(let packed)): dims = try ProtobufReader(bytes: packed).varints().map { Int($0) }
      case (2, .varint(let value)): type = Int(value)
      case (4, .bytes(let packed)): raw = packed
      case (5, .bytes(let packed)):
        values = try ProtobufReader(bytes: packed).varints().map { Double(Int64(bitPattern: $0)) }
      case (9, .bytes(let data)): raw = data
      default: break
      }
    }
    guard values.isEmpty else { return }
    let data = Array(raw)
    switch type {
    case 1: values = Self.words(data, UInt32.self).map { Double(Float(bitPattern: $0)) }
    case 2: values = data.map(Double.init)
    case 3: values = data.map { Double(Int8(bitPattern: $0)) }
    case 6: values = Self.words(data, Int32.self).map(Double.init)
    case 10: values = Self.words(data, UInt16.self).map(Self.half)
    default: throw Problem.elementType(type)
    }
  }

  private static func words<Word: FixedWidthInteger>(_ data: [UInt8], _: Word.Type) -> [Word] {
    let size = MemoryLayout<Word>.size
    return stride(from: 0, to: data.count - size + 1, by: size).map { start in
      data[start..<start + size].reversed().reduce(0) { $0 << 8 | Word($1) }
    }
  }

  /// IEEE half precision.
  private static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 31), fraction = Double(bits & 1023)
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
  }
}

/// Fields of one protobuf message.
struct ProtobufReader {
  enum Payload {
    case varint(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  var bytes: ArraySlice<UInt8>

  mutating func next() throws -> (field: Int, payload: Payload)? {
    guard !bytes.isEmpty else { return nil }
    let key = try varint()
    let field = Int(key >> 3)
    switch key & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .bytes(try take(8)))
    case 2: return (field, .bytes(try take(Int(try varint()))))
    default: return (field, .bytes(try take(4)))
    }
  }

  /// The whole message as packed varints.
  func varints() throws -> [UInt64] {
    var rest = self
    var values: [UInt64] = []
    while !rest.bytes.isEmpty { values.append(try rest.varint()) }
    return values
  }

  private mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = bytes.popFirst() else { throw ONNXTensor.Problem.truncated }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw ONNXTensor.Problem.truncated
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count else { throw ONNXTensor.Problem.truncated }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }
}
