import Tensors

extension OnnxModel {
  /// A ModelProto; the same model gives the same bytes.
  func encoded() throws -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, irVersion)
    writer.nonEmpty(2, producer)
    for (domain, version) in opsets.sorted(by: { $0.key < $1.key }) {
      writer.message(8) {
        $0.nonEmpty(1, domain)
        $0.varint(2, version)
      }
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      writer.message(14) {
        $0.text(1, key)
        $0.text(2, value)
      }
    }
    try writer.message(7) { try graph.write(to: &$0) }
    return writer.bytes
  }
}

extension OnnxGraph {
  fileprivate func write(to writer: inout ProtobufWriter) throws {
    for node in nodes { try writer.message(1) { try node.write(to: &$0) } }
    writer.nonEmpty(2, name)
    for initializer in initializers { try writer.message(5) { try initializer.write(to: &$0) } }
    for input in inputs { writer.message(11) { input.write(to: &$0) } }
    for output in outputs { writer.message(12) { output.write(to: &$0) } }
  }
}

extension OnnxNode {
  fileprivate func write(to writer: inout ProtobufWriter) throws {
    for input in inputs { writer.text(1, input) }
    for output in outputs { writer.text(2, output) }
    writer.nonEmpty(3, name)
    writer.text(4, operation)
    for (name, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
      try writer.message(5) { try attribute.write(name, to: &$0) }
    }
    writer.nonEmpty(7, domain)
  }
}

extension OnnxAttribute {
  fileprivate func write(_ name: String, to writer: inout ProtobufWriter) throws {
    writer.text(1, name)
    switch self {
    case .float(let value):
      writer.float(2, value)
      writer.varint(20, 1)
    case .int(let value):
      writer.varint(3, value)
      writer.varint(20, 2)
    case .string(let value):
      writer.text(4, value)
      writer.varint(20, 3)
    case .tensor(let value):
      try writer.message(5) { try value.write(to: &$0) }
      writer.varint(20, 4)
    case .floats(let values):
      for value in values { writer.float(7, value) }
      writer.varint(20, 6)
    case .ints(let values):
      for value in values { writer.varint(8, value) }
      writer.varint(20, 7)
    case .strings(let values):
      for value in values { writer.text(9, value) }
      writer.varint(20, 8)
    case .other: preconditionFailure("only attributes of known types are written")
    }
  }
}

extension OnnxValueInfo {
  fileprivate func write(to writer: inout ProtobufWriter) {
    writer.text(1, name)
    writer.message(2) { type in
      type.message(1) { tensor in
        tensor.varint(1, self.type?.rawValue ?? 0)
        tensor.message(2) { shape in
          for dimension in self.shape ?? [] { shape.message(1) { dimension.write(to: &$0) } }
        }
      }
    }
  }
}

extension OnnxValueInfo.Dimension {
  fileprivate func write(to writer: inout ProtobufWriter) {
    switch self {
    case .fixed(let extent): writer.varint(1, extent)
    case .symbol(let name): writer.text(2, name)
    case .unknown: break
    }
  }
}
