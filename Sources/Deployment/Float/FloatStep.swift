import Compression
import Tensors

/// An op that stays in f32 inside a program: the graph's own, on the same tensors, with the same bits.
public final class FloatStep: TensorStep {
  public static let kind = "float"

  /// What the op reads, in its order.
  enum Operand {
    /// The next of the step's inputs.
    case value
    case constant(Tensor)
  }

  public let op: any Op
  private let operands: [Operand]
  public let inputTypes: [DType]
  public let outputType: DType

  init(_ op: any Op, _ operands: [Operand], inputTypes: [DType]) throws {
    (self.op, self.operands, self.inputTypes) = (op, operands, inputTypes)
    var values = inputTypes.makeIterator()
    let types = try operands.map { operand -> DType in
      switch operand {
      case .constant(let tensor): return tensor.dtype
      case .value:
        guard let type = values.next() else {
          throw ShapeError("program", "a step reads more than it is given")
        }
        return type
      }
    }
    try require(values.next() == nil, "program", "a step is given more than it reads")
    outputType = try op.dtype(of: types)
  }

  public var label: String { "\(Self.kind), \(op.name)" }

  public var weightBytes: Int {
    operands.reduce(0) { sum, operand in
      if case .constant(let tensor) = operand { sum + tensor.byteCount } else { sum }
    }
  }

  public func run(_ inputs: [Tensor]) throws -> Tensor {
    try require(
      inputs.map(\.dtype) == inputTypes, "program",
      "a step takes \(inputTypes.count) inputs of \(inputTypes), got \(inputs.map(\.dtype))")
    var next = 0
    return try Tape.withoutGradients {
      try op.apply(
        operands.map { operand in
          guard case .constant(let tensor) = operand else {
            next += 1
            return inputs[next - 1]
          }
          return tensor
        })
    }
  }

  // MARK: Files

  public func encode(to record: inout StepRecord) {
    guard let form = FloatOps.form(of: op) else { preconditionFailure("lowering let no other op in") }
    record.strings["op"] = form.name
    form.write(op, &record)
    record.strings["types"] = inputTypes.map(\.rawValue).joined(separator: " ")
    var sequence: [String] = []
    for (i, operand) in operands.enumerated() {
      switch operand {
      case .value: sequence.append("value")
      case .constant(let tensor):
        sequence.append(([tensor.dtype.rawValue] + tensor.shape.map(String.init)).joined(separator: ","))
        record.blobs["constant\(i)"] = Array(
          UnsafeRawBufferPointer(start: tensor.bytes, count: tensor.byteCount))
      }
    }
    record.strings["operands"] = sequence.joined(separator: " ")
  }

  public convenience init(from record: StepRecord) throws {
    let name = try record.string("op")
    guard let form = FloatOps.all[name] else {
      throw ShapeError("program", "has a step '\(name)' this qscript does not know; update qscript")
    }
    let sequence = try record.string("operands").split(separator: " ")
    let operands = try sequence.enumerated().map { i, text -> Operand in
      text == "value" ? .value : .constant(try Self.constant(text, record.blobs["constant\(i)"] ?? []))
    }
    let types = try record.string("types").split(separator: " ").map { try Self.type($0) }
    let op = try form.read(record)
    try require(
      operands.count <= 16 && !operands.isEmpty && form.operands.contains(operands.count), "program",
      "a step '\(name)' has \(operands.count) operands")
    try self.init(op, operands, inputTypes: types)
  }

  private static func type(_ text: Substring) throws -> DType {
    guard let type = DType(rawValue: String(text)) else {
      throw ShapeError("program", "a step has numbers of an unknown type '\(text)'")
    }
    return type
  }

  private static func constant(_ text: Substring, _ bytes: [UInt8]) throws -> Tensor {
    let parts = text.split(separator: ",")
    guard let name = parts.first else { throw ShapeError("program", "a step has a constant of no type") }
    let dtype = try type(name)
    let extents = parts.dropFirst().compactMap { Int($0) }
    try require(extents.count + 1 == parts.count, "program", "a step has a constant of no shape")
    let shape = try Shape(checking: extents, for: "program")
    try require(
      bytes.count == shape.elements * dtype.size, "program",
      "a step's constant \(shape) has \(bytes.count) bytes")
    let tensor = try Tensor(undefined: shape, dtype)
    bytes.withUnsafeBytes { raw in
      if let base = raw.baseAddress { tensor.bytes.copyMemory(from: base, byteCount: raw.count) }
    }
    if dtype == .bool {
      try require(bytes.allSatisfy { $0 <= 1 }, "program", "a step's constant is no truth value")
    }
    return tensor
  }
}
