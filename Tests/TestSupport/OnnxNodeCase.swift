import Foundation
import Tensors

/// One case of the ONNX project's node tests: a single node, its inputs and the outputs it must give.
public struct OnnxNodeCase {
  public let name: String
  public let operation: String
  public let attributes: [String: Attribute]
  /// nil where an optional input is left out, or where its element type is none of ours.
  public let inputs: [Tensor?]
  public let outputs: [Tensor?]

  public enum Attribute {
    case integer(Int)
    case real(Double)
    case text(String)
    case integers([Int])
    case other
  }

  public func integer(_ name: String, default value: Int) -> Int {
    if case .integer(let number)? = attributes[name] { number } else { value }
  }

  public func real(_ name: String, default value: Double) -> Double {
    if case .real(let number)? = attributes[name] { number } else { value }
  }

  public func integers(_ name: String) -> [Int]? {
    if case .integers(let numbers)? = attributes[name] { numbers } else { nil }
  }

  public func text(_ name: String) -> String? {
    if case .text(let text)? = attributes[name] { text } else { nil }
  }

  /// The case in folder `name` of `onnx-node-tests`.
  public init(_ name: String) throws {
    guard let root = SharedData.folder("onnx-node-tests") else {
      throw SharedData.Absent(name: "onnx-node-tests")
    }
    let folder = root + "/" + name
    let model = try ProtobufReader.fields(Self.bytes(folder + "/model.onnx"))
    guard case .bytes(let graph)? = model.first(where: { $0.number == 7 })?.value,
      case .bytes(let node)? = try ProtobufReader.fields(graph).first(where: { $0.number == 1 })?.value
    else { throw ProtobufReader.Malformed() }
    let fields = try ProtobufReader.fields(node)
    self.name = name
    operation = fields.compactMap { $0.number == 4 ? $0.value.text : nil }.first ?? ""
    attributes = Dictionary(
      uniqueKeysWithValues: try fields.compactMap { $0.number == 5 ? try Self.attribute($0.value) : nil })
    /// A name that is empty stands for an input or output left out; it has no file.
    func values(_ number: Int, _ kind: String) throws -> [Tensor?] {
      var next = 0
      return try fields.filter { $0.number == number }.map { field in
        if field.value.text == "" { return nil }
        defer { next += 1 }
        return try Self.tensor(folder + "/test_data_set_0/\(kind)_\(next).pb")
      }
    }
    inputs = try values(1, "input")
    outputs = try values(2, "output")
  }

  private static func bytes(_ path: String) throws -> ArraySlice<UInt8> {
    ArraySlice(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private static func attribute(_ value: ProtobufReader.Value) throws -> (String, Attribute)? {
    guard case .bytes(let bytes) = value else { return nil }
    var (name, result, integers) = ("", Attribute.other, [Int]())
    for (number, value) in try ProtobufReader.fields(bytes) {
      switch (number, value) {
      case (1, _): name = value.text ?? ""
      case (2, .fixed32(let bits)): result = .real(Double(Float(bitPattern: bits)))
      case (3, .varint(let number)): result = .integer(Int(Int64(bitPattern: number)))
      case (4, _): result = .text(value.text ?? "")
      case (8, _): integers += try ProtobufReader.varints(value).map(Int.init)
      default: break
      }
    }
    return (name, integers.isEmpty ? result : .integers(integers))
  }

  /// A TensorProto with raw data, as these tests have it; nil for element types that are not ours.
  private static func tensor(_ path: String) throws -> Tensor? {
    var (dims, type, raw) = ([Int](), 0, ArraySlice<UInt8>())
    for (number, value) in try ProtobufReader.fields(bytes(path)) {
      switch (number, value) {
      case (1, _): dims += try ProtobufReader.varints(value).map(Int.init)
      case (2, .varint(let code)): type = Int(code)
      case (9, .bytes(let bytes)): raw = bytes
      case (4...7, _), (10...11, _): throw ProtobufReader.Malformed()
      default: break
      }
    }
    let types: [Int: DType] = [1: .f32, 2: .u8, 3: .i8, 6: .i32, 7: .i64, 9: .bool, 11: .f64]
    guard let dtype = types[type] else { return nil }
    let tensor = try Tensor(undefined: Shape(dims), dtype)
    guard raw.count == tensor.byteCount else { throw ProtobufReader.Malformed() }
    raw.withUnsafeBytes {
      if let base = $0.baseAddress { tensor.bytes.copyMemory(from: base, byteCount: $0.count) }
    }
    return tensor
  }
}

extension ProtobufReader.Value {
  fileprivate var text: String? {
    if case .bytes(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
  }
}
