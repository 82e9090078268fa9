import Foundation
import Tensors

/// The safetensors format: an 8-byte little-endian length, a JSON header that says for each name `dtype`,
/// `shape` and `data_offsets`, then the bytes of all tensors (https://github.com/huggingface/safetensors).
public struct Safetensors {
  public var tensors: [String: Tensor]
  /// Free text, under `__metadata__` in the header.
  public var metadata: [String: String]

  public init(_ tensors: [String: Tensor], metadata: [String: String] = [:]) {
    (self.tensors, self.metadata) = (tensors, metadata)
  }

  /// One file, mapped into memory, or all that a `model.safetensors.index.json` names.
  public init(contentsOf path: String) throws {
    if path.hasSuffix(".json") {
      try self.init(index: AtomicFile.read(path), path: path)
    } else {
      try self.init(MappedFile(path))
    }
  }

  public func write(to path: String) throws { try AtomicFile.write(try encoded(), to: path) }

  static let names: [(DType, String)] = [
    (.bool, "BOOL"), (.u8, "U8"), (.i8, "I8"), (.i32, "I32"), (.i64, "I64"), (.f32, "F32"), (.f64, "F64"),
  ]
  /// What is read: beside our types those that become a wider one.
  static let types: [(StoredType, String)] =
    names.map { (.same($0.0), $0.1) } + [
      (.f16, "F16"), (.bf16, "BF16"), (.i16, "I16"), (.u16, "U16"), (.u32, "U32"),
    ]
  static let metadataKey = "__metadata__"

  /// The file's bytes. Wider types come first, each in the order of names, so that every tensor is aligned to
  /// its element and equal tensors give equal bytes.
  public func encoded() throws -> [UInt8] {
    let ordered = tensors.sorted { ($1.value.dtype.size, $0.key) < ($0.value.dtype.size, $1.key) }
    var header: [String: Any] = metadata.isEmpty ? [:] : [Self.metadataKey: metadata]
    var end = 0
    for (name, tensor) in ordered {
      try require(name != Self.metadataKey, "safetensors", "a tensor cannot be called '\(name)'")
      header[name] = [
        "dtype": Self.names.first { $0.0 == tensor.dtype }?.1 ?? "", "shape": tensor.shape.dims,
        "data_offsets": [end, end + tensor.byteCount],
      ]
      end += tensor.byteCount
    }
    var json = Array(
      try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + json.count + end)
    bytes += withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    bytes += json
    for (_, tensor) in ordered {
      let source = try tensor.contiguous()
      bytes += UnsafeRawBufferPointer(start: source.bytes, count: source.byteCount)
    }
    return bytes
  }
}
