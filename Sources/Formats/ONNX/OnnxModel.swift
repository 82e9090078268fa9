import Tensors

/// A model in ONNX's own terms (https://onnx.ai/onnx/repo-docs/IR.html), as a file holds it: nodes that read and write
/// values by name.
struct OnnxModel {
  /// IR version 9 knows 4-bit types; what ONNX Runtime releases of the last years read.
  var irVersion = 9
  var producer = ""
  /// Version of each operator set, by domain; "" is ONNX's own.
  var opsets: [String: Int] = [:]
  var graph = OnnxGraph()
  var metadata: [String: String] = [:]
  /// Names of the functions the model defines itself.
  var functions: [String] = []
}

struct OnnxGraph {
  var name = ""
  var nodes: [OnnxNode] = []
  var initializers: [OnnxTensor] = []
  var inputs: [OnnxValueInfo] = []
  var outputs: [OnnxValueInfo] = []
}

struct OnnxNode {
  var name = ""
  var operation = ""
  var domain = ""
  /// "" where an optional input or output is left out.
  var inputs: [String] = []
  var outputs: [String] = []
  var attributes: [String: OnnxAttribute] = [:]
}

enum OnnxAttribute {
  case float(Float)
  case int(Int)
  case string(String)
  case tensor(OnnxTensor)
  case floats([Float])
  case ints([Int])
  case strings([String])
  /// A subgraph, a sparse tensor and the like, of which only the presence is known.
  case other
}

/// What the model says about an input or output.
struct OnnxValueInfo {
  enum Dimension: Equatable {
    case fixed(Int)
    case symbol(String)
    case unknown
  }
  var name = ""
  var type: OnnxType?
  /// nil where not even the rank is known.
  var shape: [Dimension]?
}

/// Element types by ONNX's numbers.
enum OnnxType: Int {
  case float = 1, uint8, int8, uint16, int16, int32, int64, string, bool, float16, double, uint32, uint64
  case complex64, complex128, bfloat16
  case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, uint4, int4, float4e2m1, float8e8m0, uint2,
    int2

  init(_ dtype: DType) {
    self =
      switch dtype {
      case .bool: .bool
      case .u8: .uint8
      case .i8: .int8
      case .i32: .int32
      case .i64: .int64
      case .f32: .float
      case .f64: .double
      }
  }

  /// The type of ours that holds its values: itself, or a wider one. nil where there is none.
  var dtype: DType? {
    switch self {
    case .float, .float16, .bfloat16: .f32
    case .double: .f64
    case .uint8, .uint4, .uint2: .u8
    case .int8, .int4, .int2: .i8
    case .int32, .int16, .uint16: .i32
    case .int64, .uint32: .i64
    case .bool: .bool
    default: nil
    }
  }

  /// Whether values are held exactly as they are, and arithmetic means the same.
  var isOurs: Bool { dtype.map { OnnxType($0) == self } ?? false }

  var isHalf: Bool { self == .float16 || self == .bfloat16 }

  var bits: Int {
    switch self {
    case .uint2, .int2: 2
    case .uint4, .int4, .float4e2m1: 4
    case .uint8, .int8, .bool, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
    case .uint16, .int16, .float16, .bfloat16: 16
    case .float, .int32, .uint32: 32
    case .double, .int64, .uint64, .complex64: 64
    case .complex128: 128
    case .string: 0
    }
  }
}

extension OnnxType: CustomStringConvertible {
  var description: String {
    let names = [
      "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double",
      "uint32",
      "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2",
    ]
    return names[rawValue - 1]
  }
}
