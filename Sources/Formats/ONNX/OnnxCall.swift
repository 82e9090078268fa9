import Models
import Tensors

/// One node while it is read: its inputs and attributes, and the graph it adds to.
struct OnnxCall {
  let node: OnnxNode
  let inputs: [OnnxValue?]
  /// Of the node's domain.
  let opset: Int
  let importer: OnnxImporter
  let title: String

  // MARK: Inputs

  var count: Int { inputs.count }

  func has(_ i: Int) -> Bool { i < inputs.count && inputs[i] != nil }

  func input(_ i: Int) throws -> OnnxValue {
    guard i < inputs.count, let value = inputs[i] else { throw OnnxRefusal("its input \(i + 1) is missing") }
    return value
  }

  /// All inputs, none left out.
  func allInputs() throws -> [OnnxValue] { try inputs.indices.map(input) }

  /// An input that must be known when the model is read.
  func constant(_ i: Int, _ role: String) throws -> Tensor {
    guard let constant = try input(i).constant else {
      throw OnnxRefusal("its \(role) ('\(node.inputs[i])') is computed while running; it must be a constant")
    }
    return try constant.tensor()
  }

  func optionalConstant(_ i: Int, _ role: String) throws -> Tensor? { has(i) ? try constant(i, role) : nil }

  // MARK: Attributes

  func flag(_ name: String, _ value: Bool = false) throws -> Bool { try int(name, value ? 1 : 0) != 0 }

  func float(_ name: String, _ value: Double) throws -> Double {
    switch node.attributes[name] {
    case nil: return value
    case .float(let number)?: return Double(number)
    default: throw OnnxRefusal("attribute '\(name)' must be a number")
    }
  }

  func string(_ name: String, _ value: String) throws -> String {
    switch node.attributes[name] {
    case nil: return value
    case .string(let text)?: return text
    default: throw OnnxRefusal("attribute '\(name)' must be text")
    }
  }

  /// Refuses an attribute whose value is none of those supported.
  func require(_ condition: Bool, _ problem: @autoclosure () throws -> String) throws {
    if !condition { throw OnnxRefusal(try problem()) }
  }

  // MARK: Results

  func emit(_ op: any Op, _ inputs: OnnxValue...) throws -> OnnxValue { try importer.emit(op, inputs, title) }
  func emit(_ op: any Op, _ inputs: [OnnxValue]) throws -> OnnxValue { try importer.emit(op, inputs, title) }

  func shape(_ value: OnnxValue) throws -> Shape { try importer.shape(of: value) }
  func dtype(_ value: OnnxValue) throws -> DType { try importer.dtype(of: value) }

  func constant(_ tensor: Tensor) -> OnnxValue { .constant(OnnxConstant(tensor)) }
  /// A scalar of the type of `like`.
  func scalar(_ value: Double, like other: OnnxValue) throws -> OnnxValue {
    constant(try Tensor.scalar(value, dtype(other)))
  }
  func integers(_ values: [Int]) throws -> OnnxValue {
    constant(try Tensor([values.count], values.map(Int64.init)))
  }

  /// A dimension of `value`, counted from the end where it is negative.
  func axis(_ axis: Int, of value: OnnxValue, extra: Int = 0) throws -> Int {
    let rank = try shape(value).rank + extra
    let place = axis < 0 ? axis + rank : axis
    try require(place >= 0 && place < max(rank, 1), "axis \(axis) lies outside of \(rank) dimensions")
    return place
  }

  // MARK: Steps that several operators share

  func cast(_ value: OnnxValue, _ type: DType) throws -> OnnxValue {
    try dtype(value) == type ? value : emit(Cast(to: type), value)
  }

  /// Reshapes; dimensions that only have a name are carried over from the input, or one of them inferred.
  func reshape(_ value: OnnxValue, _ target: [Int]) throws -> OnnxValue {
    let source = try shape(value)
    if Array(source) == target { return value }
    var resolved = target
    if let batch = source.first, target.first == 1, batch > 1, importer.symbols.isSymbolic(batch),
      source.elements == Self.product([batch] + target)
    {
      // A model for one sample says so in its shapes.
      resolved[0] = Reshape.keep
    }
    for i in target.indices where importer.symbols.isSymbolic(target[i]) {
      resolved[i] = i < source.rank && source[i] == target[i] ? Reshape.keep : -1
    }
    guard resolved.count(where: { $0 == -1 }) <= 1 else {
      throw OnnxRefusal(
        "reshapes \(source) into several sizes that are not fixed; \(importer.symbols.remedy)")
    }
    return try emit(Reshape(resolved), value)
  }

  func add(_ a: OnnxValue, _ b: OnnxValue) throws -> OnnxValue { try emit(Add(), a, b) }
  func sub(_ a: OnnxValue, _ b: OnnxValue) throws -> OnnxValue { try emit(Sub(), a, b) }
  func mul(_ a: OnnxValue, _ b: OnnxValue) throws -> OnnxValue { try emit(Mul(), a, b) }
  func div(_ a: OnnxValue, _ b: OnnxValue) throws -> OnnxValue { try emit(Div(), a, b) }
}
