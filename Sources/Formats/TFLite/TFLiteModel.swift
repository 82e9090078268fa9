import Compression
import Tensors

/// A model in TensorFlow Lite's own terms (schema.fbs, version 3): one subgraph of operators that read and write
/// tensors by number.
struct TFLiteModel {
  var tensors: [TFLiteTensor] = []
  var inputs: [Int] = []
  var outputs: [Int] = []
  var operators: [TFLiteOperator] = []

  init(_ file: MappedFile) throws {
    let bytes = file.bytes
    guard bytes.count >= 8, bytes[4..<8].elementsEqual("TFL3".utf8) else {
      throw FlatbufferTable.Malformed(problem: "is no TFLite model (it lacks the mark 'TFL3')")
    }
    let root = try FlatbufferTable(root: bytes)
    let codes = try root.tables(1).map { code in
      // Codes above 127 are in the newer field only.
      max(Int(try code.integer(0, Int8.self)), Int(try code.integer(3, Int32.self)))
    }
    let graphs = try root.tables(2)
    guard graphs.count == 1 else {
      throw FlatbufferTable.Malformed(problem: "holds \(graphs.count) subgraphs; models with one are read")
    }
    let buffers = try root.tables(4)
    tensors = try graphs[0].tables(0).map { try TFLiteTensor($0, buffers, file) }
    inputs = try graphs[0].integers(1, Int32.self)
    outputs = try graphs[0].integers(2, Int32.self)
    operators = try graphs[0].tables(3).map { table in
      let index = Int(try table.integer(0, UInt32.self))
      guard codes.indices.contains(index) else {
        throw FlatbufferTable.Malformed(problem: "is damaged: an operator has no code")
      }
      return TFLiteOperator(
        code: codes[index], inputs: try table.integers(1, Int32.self),
        outputs: try table.integers(2, Int32.self),
        options: try table.table(4))
    }
    for place in inputs + outputs + operators.flatMap({ $0.outputs })
      + operators.flatMap({ $0.inputs.filter { $0 != -1 } })
    where !tensors.indices.contains(place) {
      throw FlatbufferTable.Malformed(problem: "is damaged: it names tensor \(place) of \(tensors.count)")
    }
  }
}

struct TFLiteOperator {
  let code: Int
  /// -1 where an optional input is left out.
  let inputs: [Int]
  let outputs: [Int]
  let options: FlatbufferTable?

  var name: String { Self.names[code] ?? "number \(code)" }

  static func code(named name: String) -> Int? { names.first { $0.value == name }?.key }

  /// Whether it has as many inputs as operators of its kind.
  var takesItsInputs: Bool {
    switch name {
    case "ADD", "SUB", "MUL": inputs.count == 2
    case "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED": (2...3).contains(inputs.count)
    case "CONCATENATION": !inputs.isEmpty
    case "MEAN", "PAD": inputs.count == 2
    case "RESHAPE", "SQUEEZE", "TRANSPOSE": (1...2).contains(inputs.count)
    default: inputs.count == 1
    }
  }

  private static let names = [
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 21: "RELU6",
    22: "RESHAPE",
    25: "SOFTMAX", 28: "TANH", 32: "CUSTOM", 34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 43: "SQUEEZE",
    114: "QUANTIZE", 117: "HARD_SWISH",
  ]
}

struct TFLiteTensor {
  enum Kind: Int {
    case float32, float16, int32, uint8, int64, string, bool, int16, complex64, int8

    var dtype: DType? {
      switch self {
      case .float32, .float16: .f32
      case .int32: .i32
      case .uint8: .u8
      case .int64: .i64
      case .bool: .bool
      case .int8: .i8
      case .string, .int16, .complex64: nil
      }
    }
  }

  let name: String
  let shape: [Int]
  /// -1 where a dimension is open; empty where the file does not say.
  let signature: [Int]
  let kindCode: Int
  /// Read when it is asked for: many tensors may share one long list of scales.
  private let quantization: FlatbufferTable?
  /// Empty for tensors that are computed.
  private let data: UnsafeMutableRawBufferPointer
  private let file: MappedFile

  init(_ table: FlatbufferTable, _ buffers: [FlatbufferTable], _ file: MappedFile) throws {
    shape = try table.integers(0, Int32.self)
    guard shape.count <= Shape.maximumRank else {
      throw FlatbufferTable.Malformed(
        problem: "holds a tensor of \(shape.count) dimensions; up to 8 are read")
    }
    signature = try table.integers(7, Int32.self)
    kindCode = Int(try table.integer(1, Int8.self))
    let buffer = Int(try table.integer(2, UInt32.self))
    name = try table.text(3)
    quantization = try table.table(4)
    guard buffers.indices.contains(buffer) else {
      throw FlatbufferTable.Malformed(problem: "is damaged: tensor '\(name)' has no buffer")
    }
    data = try buffers[buffer].vector(0, elementSize: 1)
    self.file = file
  }

  var isConstant: Bool { !data.isEmpty }

  func dtype() throws -> DType {
    guard let kind = Kind(rawValue: kindCode), let dtype = kind.dtype else {
      throw FlatbufferTable.Malformed(
        problem:
          "holds tensor '\(name)' of element type \(Kind(rawValue: kindCode).map { "\($0)" } ?? "\(kindCode)"), which is not read"
      )
    }
    return dtype
  }

  /// The numbers as they are stored.
  func value() throws -> Tensor {
    let dtype = try dtype()
    let shape: Shape
    do { shape = try Shape(checking: self.shape, for: "tflite") } catch let error as ShapeError {
      throw FlatbufferTable.Malformed(
        problem: "holds tensor '\(name)' of an impossible shape: \(error.problem)")
    }
    let size = kindCode == Kind.float16.rawValue ? 2 : dtype.size
    guard data.count == shape.elements * size else {
      throw FlatbufferTable.Malformed(
        problem: "is damaged: tensor '\(name)' of shape \(shape) has \(data.count) bytes of data")
    }
    if size == dtype.size { return try Tensor(shape, dtype, sharing: data, owner: file) }
    let bits = data.withMemoryRebound(to: UInt16.self) { Array($0) }
    return try Tensor(shape, bits.map { Float(Float16(bitPattern: UInt16(littleEndian: $0))) })
  }

  /// The grid of its integers; nil where it has none.
  func grid() throws -> IntegerGrid? {
    guard let scales = try quantization?.floats(2), !scales.isEmpty else { return nil }
    let zeroPoints = try quantization?.integers(3, Int64.self) ?? []
    let axis = Int(try quantization?.integer(6, Int32.self) ?? 0)
    guard zeroPoints.allSatisfy({ Int32(exactly: $0) != nil }), (0..<Shape.maximumRank).contains(axis) else {
      throw FlatbufferTable.Malformed(
        problem: "is damaged: tensor '\(name)' is quantized in an impossible way")
    }
    return IntegerGrid(
      scales: scales, zeroPoints: zeroPoints.count == scales.count ? zeroPoints : [zeroPoints.first ?? 0],
      axis: scales.count > 1 ? axis : nil, type: try dtype())
  }
}
