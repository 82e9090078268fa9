import Tensors

extension OnnxModel {
  /// Reads a ModelProto. Tensors keep `source` alive and read their numbers from it when they are asked for.
  init(decoding bytes: UnsafeMutableRawBufferPointer, source: OnnxSource) throws {
    self.init()
    var hasGraph = false
    try ProtobufMessage(bytes).forEachField { number, value in
      switch number {
      case 1: irVersion = try value.integer()
      case 2: producer = try value.text()
      case 7:
        graph = try OnnxGraph(value.message(), source)
        hasGraph = true
      case 8:
        var (domain, version) = ("", 0)
        try value.message().forEachField { number, value in
          if number == 1 { domain = try value.text() }
          if number == 2 { version = try value.integer() }
        }
        opsets[domain == "ai.onnx" ? "" : domain] = version
      case 14:
        let (key, text) = try OnnxTensor.pair(value.message())
        metadata[key] = text
      case 25:
        try value.message().forEachField { if $0 == 1 { functions.append(try $1.text()) } }
      default: break
      }
    }
    guard hasGraph else { throw ProtobufMessage.Malformed(problem: "holds no graph; it is no ONNX model") }
  }
}

extension OnnxGraph {
  init(_ message: ProtobufMessage, _ source: OnnxSource) throws {
    self.init()
    try message.forEachField { number, value in
      switch number {
      case 1: nodes.append(try OnnxNode(value.message(), source))
      case 2: name = try value.text()
      case 5: initializers.append(try OnnxTensor(value.message(), source))
      case 11: inputs.append(try OnnxValueInfo(value.message()))
      case 12: outputs.append(try OnnxValueInfo(value.message()))
      case 15:
        throw ProtobufMessage.Malformed(
          problem: "holds sparse initializers, which are not read; make them dense")
      default: break
      }
    }
  }
}

extension OnnxNode {
  init(_ message: ProtobufMessage, _ source: OnnxSource) throws {
    self.init()
    try message.forEachField { number, value in
      switch number {
      case 1: inputs.append(try value.text())
      case 2: outputs.append(try value.text())
      case 3: name = try value.text()
      case 4: operation = try value.text()
      case 5:
        let (name, attribute) = try OnnxAttribute.named(value.message(), source)
        attributes[name] = attribute
      case 7: domain = try value.text()
      default: break
      }
    }
    if domain == "ai.onnx" { domain = "" }
  }
}

extension OnnxAttribute {
  static func named(_ message: ProtobufMessage, _ source: OnnxSource) throws -> (String, OnnxAttribute) {
    var (name, type, result) = ("", 0, OnnxAttribute.other)
    var (floats, ints, strings) = ([Float](), [Int](), [String]())
    try message.forEachField { number, value in
      switch number {
      case 1: name = try value.text()
      case 2: result = .float(try value.float())
      case 3: result = .int(try value.integer())
      case 4: result = .string(try value.text())
      case 5: result = .tensor(try OnnxTensor(value.message(), source))
      case 7: floats += try value.floats()
      case 8: ints += try value.integers()
      case 9: strings.append(try value.text())
      case 20: type = try value.integer()
      default: break
      }
    }
    // proto3 leaves out numbers that are 0 and lists that are empty: the type tells what they were.
    switch (type, result) {
    case (1, .other): result = .float(0)
    case (2, .other): result = .int(0)
    case (3, .other): result = .string("")
    case (6, _): result = .floats(floats)
    case (7, _): result = .ints(ints)
    case (8, _): result = .strings(strings)
    default:
      if case .other = result, !ints.isEmpty { result = .ints(ints) }
      if case .other = result, !floats.isEmpty { result = .floats(floats) }
    }
    return (name, result)
  }
}

extension OnnxValueInfo {
  init(_ message: ProtobufMessage) throws {
    self.init()
    try message.forEachField { number, value in
      if number == 1 { name = try value.text() }
      guard number == 2 else { return }
      try value.message().forEachField { number, value in
        if number == 1 { try readTensorType(value.message()) }
      }
    }
  }

  private mutating func readTensorType(_ message: ProtobufMessage) throws {
    try message.forEachField { number, value in
      if number == 1 { type = OnnxType(rawValue: try value.integer()) }
      guard number == 2 else { return }
      var dims: [Dimension] = []
      try value.message().forEachField { number, value in
        if number == 1 { dims.append(try Self.dimension(value.message())) }
      }
      shape = dims
    }
  }

  private static func dimension(_ message: ProtobufMessage) throws -> Dimension {
    var result = Dimension.unknown
    try message.forEachField { number, value in
      if number == 1 { result = .fixed(try value.integer()) }
      if number == 2 { result = .symbol(try value.text()) }
    }
    return result
  }
}
