import Foundation
import Models
import Tensors

/// Builds a graph from an ONNX model: nodes in file order, each by the entry of its operator in `OnnxOperator.all`.
///
/// What depends on constants alone is computed here, shape arithmetic included. A dimension that only has a name
/// stands in shapes as a large prime while the graph is built: the shape rules of the ops then carry it along, and a
/// multiple of the prime is that many times the dimension wherever it turns up. Where it turns up otherwise, as one more
/// than the dimension in a Pad, a second graph built with other primes differs, and the model is refused.
final class OnnxImporter {
  let model: OnnxModel
  let graph = Graph()
  private(set) var symbols: OnnxSymbols
  /// The model's stored tensors, which both graphs share.
  private let initializers: [OnnxConstant]
  /// What was computed from constants, which the second graph takes over from the first.
  private let folds: OnnxFolds
  /// Whether this is the second graph.
  private let isRepeated: Bool
  private let options: OnnxOptions
  private let fileBytes: Int
  private var values: [String: OnnxValue] = [:]
  /// The leaf of each constant that a node reads.
  private var leaves: [ObjectIdentifier: (constant: OnnxConstant, id: Graph.ID)] = [:]
  /// No constant that is computed may be larger, nor all of them much: a file cannot ask for memory it does not
  /// justify.
  private let largestConstant: Int
  private var constantBytes = 0
  /// Nor may one cost more multiplications.
  private static let mostMacs = 1 << 33

  convenience init(_ model: OnnxModel, fileBytes: Int, _ options: OnnxOptions) throws {
    try self.init(
      model, model.graph.initializers.map { OnnxConstant(lazily: $0) }, fileBytes: fileBytes, options)
  }

  /// - Parameter first: what this one is to repeat with other sizes for what is open.
  private convenience init(repeating first: OnnxImporter) throws {
    try self.init(
      first.model, first.initializers, fileBytes: first.fileBytes, first.options, repeating: first.folds)
  }

  private init(
    _ model: OnnxModel, _ initializers: [OnnxConstant], fileBytes: Int, _ options: OnnxOptions,
    repeating folds: OnnxFolds? = nil
  ) throws {
    (self.model, self.initializers, self.fileBytes, self.options) = (model, initializers, fileBytes, options)
    (self.folds, isRepeated) = (folds ?? OnnxFolds(), folds != nil)
    symbols = try OnnxSymbols(
      model, sizes: options.dimensions,
      candidates: isRepeated ? OnnxSymbols.otherCandidates : OnnxSymbols.candidates)
    largestConstant = max(64 << 20, 8 * fileBytes)
  }

  func run(constants: [String: Tensor]) throws -> Graph {
    try build(constants)
    if !symbols.isEmpty {
      let other = try OnnxImporter(repeating: self)
      do { try other.build(constants) } catch let refusal as OnnxRefusal {
        throw OnnxRefusal("\(refusal.problem) (with other sizes of open dimensions; \(symbols.remedy))")
      }
      try expectNoSizes(in: other.graph)
    }
    try finish()
    return graph
  }

  private func build(_ constants: [String: Tensor]) throws {
    try checkOpsets()
    var known: Set<String> = []
    for (initializer, constant) in zip(model.graph.initializers, initializers) {
      known.insert(initializer.name)
      values[initializer.name] = .constant(constant)
    }
    for input in model.graph.inputs where !known.contains(input.name) {
      if let value = constants[input.name] {
        values[input.name] = .constant(OnnxConstant(value, name: input.name, type: input.type))
      } else {
        try addInput(input)
      }
    }
    for node in model.graph.nodes { try importNode(node) }
  }

  /// Refuses where this graph differs from one of the same model with other sizes for what is open.
  private func expectNoSizes(in other: Graph) throws {
    for (a, b) in zip(graph.order, other.order) {
      let isSame =
        switch (graph[a].kind, other[b].kind) {
        case (.apply(let op, _), .apply(let another, _)): "\(op)" == "\(another)"
        case (.leaf(let leaf), .leaf(let another)): try leaf.value.isSame(as: another.value)
        case (.input, .input): true
        default: false
        }
      guard isSame else {
        throw OnnxRefusal(
          "node '\(graph[a].name)' depends on a size that is not fixed, in a way that is not followed; \(symbols.remedy)"
        )
      }
    }
    guard graph.order.count == other.order.count else {
      throw OnnxRefusal("has nodes that depend on a size that is not fixed; \(symbols.remedy)")
    }
  }

  /// What brings the forms of exporters back to the ops they came from.
  private static let passes = Pass.simplifying + [.recognizeQuantized]

  private func checkOpsets() throws {
    guard let version = model.opsets[""] else {
      if model.opsets.isEmpty { throw OnnxRefusal("names no operator set") }
      return
    }
    guard version >= 7 else {
      throw OnnxRefusal(
        "is of opset \(version); 7 and later are read (convert it with onnx.version_converter)")
    }
  }

  private func addInput(_ info: OnnxValueInfo) throws {
    // Arithmetic of 16 and 32 bits wraps around where the wider types that hold them do not.
    guard let type = info.type, let dtype = type.dtype, ![.int16, .uint16, .uint32].contains(type) else {
      throw OnnxRefusal(
        "input '\(info.name)' is of element type \(info.type.map { "\($0)" } ?? "none"), which is not supported"
      )
    }
    guard let dims = info.shape else {
      throw OnnxRefusal("input '\(info.name)' has no shape; run onnx.shape_inference or set it in the file")
    }
    let shape = try symbols.shape(of: info.name, dims)
    let id = graph.add(
      info.name, .input(graph.inputs.count), shape: try Shape(checking: shape, for: info.name), dtype: dtype)
    graph.setDimensionNames(symbols.names(of: info.name, dims), of: id)
    values[info.name] = .node(id)
  }

  // MARK: Nodes

  private func importNode(_ node: OnnxNode) throws {
    let title = node.name.isEmpty ? node.outputs.first ?? "" : node.name
    do {
      let key = node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)"
      guard let operation = OnnxOperator.all[key] else {
        throw OnnxRefusal(OnnxOperator.whyNot(key))
      }
      let inputs = try node.inputs.map { name -> OnnxValue? in
        if name.isEmpty { return nil }
        guard let value = values[name] else {
          throw OnnxRefusal("reads '\(name)', which nothing before it writes")
        }
        return value
      }
      let call = OnnxCall(
        node: node, inputs: inputs, opset: model.opsets[node.domain] ?? model.opsets[""] ?? 1, importer: self,
        title: title)
      let results = try operation.run(call)
      for (name, value) in zip(node.outputs, results) where !name.isEmpty { values[name] = value }
      for name in node.outputs.dropFirst(results.count) where !name.isEmpty {
        throw OnnxRefusal("its output '\(name)' is not supported")
      }
    } catch let problem as OnnxRefusal {
      throw OnnxRefusal("node '\(title)' (\(node.operation)): \(problem.problem)")
    } catch let problem as ShapeError {
      throw OnnxRefusal("node '\(title)' (\(node.operation)): \(problem.problem)")
    } catch let problem as ProtobufMessage.Malformed {
      throw OnnxRefusal("node '\(title)' (\(node.operation)): \(problem.problem)")
    } catch let problem as IndexError {
      throw OnnxRefusal("node '\(title)' (\(node.operation)): \(problem)")
    }
  }

  private func finish() throws {
    var outputs: [Graph.ID] = []
    for output in model.graph.outputs {
      guard let value = values[output.name] else {
        throw OnnxRefusal("output '\(output.name)' is written by no node")
      }
      outputs.append(try id(of: value))
    }
    guard !outputs.isEmpty else { throw OnnxRefusal("has no outputs") }
    graph.setOutputs(outputs, names: model.graph.outputs.map(\.name))
    try graph.setExample(symbols.exampleShape)
    for pass in Self.passes { try graph.apply(pass) }
    graph.setTraining(false)
  }

  // MARK: For operators

  /// Applies `op`: at once where every input is a constant, else as a node.
  func emit(_ op: any Op, _ inputs: [OnnxValue], _ title: String) throws -> OnnxValue {
    let constants = inputs.compactMap(\.constant)
    if constants.count == inputs.count { return .constant(try fold(op, constants)) }
    if constants.contains(where: \.isSymbolic) {
      throw OnnxRefusal("computes with a size that is not fixed; \(symbols.remedy)")
    }
    let ids = try inputs.map(id)
    let dtype = try op.dtype(of: ids.map { graph[$0].dtype })
    let shape = try shape(of: op, ids.map { graph[$0].shape })
    return .node(graph.add(title, .apply(op, ids), shape: shape, dtype: dtype))
  }

  /// The shape of a result, which may have as many elements as a tensor can.
  private func shape(of op: any Op, _ inputs: [Shape]) throws -> Shape {
    try Shape(checking: op.shape(of: inputs).dims, for: op.name)
  }

  private func fold(_ op: any Op, _ constants: [OnnxConstant]) throws -> OnnxConstant {
    let inputs = try constants.map { try $0.tensor() }
    if isRepeated, let known = folds.result(of: op, inputs) { return known }
    let shape = try shape(of: op, inputs.map(\.shape))
    let size = try op.dtype(of: inputs.map(\.dtype)).size
    guard shape.elements <= largestConstant / size,
      op.cost(of: inputs.map(\.shape), output: shape).macs <= Self.mostMacs
    else {
      throw OnnxRefusal("computes a constant of shape \(shape), more than this file justifies")
    }
    constantBytes += shape.elements * size
    guard constantBytes <= 4 * largestConstant else {
      throw OnnxRefusal("computes \(constantBytes) bytes of constants, more than this file justifies")
    }
    let result = try Tape.withoutGradients { try op.apply(inputs) }
    guard constants.contains(where: \.isSymbolic) else {
      // A weight that is only turned stays one.
      let isMoved = constants.count == 1 && (Self.moves(op) || op is Transpose)
      let folded = OnnxConstant(
        op is Transpose ? try result.dense() : result, name: isMoved ? constants[0].name : nil)
      if isMoved { folded.constraint = constants[0].promise(after: op, result.shape) }
      if !isRepeated && !symbols.isEmpty { folds.note(op, inputs, folded) }
      return folded
    }
    // Moving numbers about may leave the open ones behind; computing with them may not.
    return OnnxConstant(result, isSymbolic: try !Self.moves(op) || hasSymbols(result))
  }

  private static func moves(_ op: any Op) -> Bool {
    op is IndexSelect || op is Slice || op is Squeeze || op is Unsqueeze || op is Concat || op is Cast
      || op is Reshape
  }

  func hasSymbols(_ tensor: Tensor) throws -> Bool {
    try tensor.doubles().contains { Int(exactly: $0).map(symbols.isSymbolic) ?? false }
  }

  /// The node of a value; a constant becomes a leaf.
  private func id(of value: OnnxValue) throws -> Graph.ID {
    switch value {
    case .node(let id): return id
    case .constant(let constant):
      if constant.isSymbolic {
        throw OnnxRefusal("computes with a size that is not fixed; \(symbols.remedy)")
      }
      if let leaf = leaves[ObjectIdentifier(constant)] { return leaf.id }
      let parameter = try constant.parameter()
      let id = graph.add(
        constant.name ?? "constant", .leaf(parameter), shape: parameter.value.shape,
        dtype: parameter.value.dtype)
      leaves[ObjectIdentifier(constant)] = (constant, id)
      return id
    }
  }

  func shape(of value: OnnxValue) throws -> Shape {
    switch value {
    case .node(let id): graph[id].shape
    case .constant(let constant): try constant.tensor().shape
    }
  }

  func dtype(of value: OnnxValue) throws -> DType {
    switch value {
    case .node(let id): graph[id].dtype
    case .constant(let constant): try constant.tensor().dtype
    }
  }
}

extension Tensor {
  /// Whether two constants are one or have the same bytes.
  fileprivate func isSame(as other: Tensor) throws -> Bool {
    if isView(of: other) { return true }
    guard shape == other.shape, dtype == other.dtype else { return false }
    let (a, b) = (try contiguous(), try other.contiguous())
    return withExtendedLifetime((a, b)) { memcmp(a.bytes, b.bytes, a.byteCount) == 0 }
  }
}

/// Why a model is not read, without its path.
struct OnnxRefusal: Error {
  let problem: String
  init(_ problem: String) { self.problem = problem }
}
