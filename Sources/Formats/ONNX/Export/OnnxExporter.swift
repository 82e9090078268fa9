import Compression
import Models
import Tensors

/// How quantized layers are written.
public enum OnnxExportFormat: String, CaseIterable, Sendable {
  /// Float operators between QuantizeLinear and DequantizeLinear, which runtimes fuse.
  case qdq
  /// Operators between integers: QLinearConv and, of ONNX Runtime, QGemm, QLinearAdd and others.
  case qoperator
}

extension OnnxFile {
  /// The opset written: the first with 4-bit weights.
  static let writtenOpset = 21

  /// Writes a graph in evaluation mode as one file.
  ///
  /// - Parameter samples: inputs whose values inside the model go to a file beside it, `model.npz` beside `model.onnx`,
  ///   by their names in the model: inputs, outputs, and the bytes of what lies on a grid. Another runtime's own values
  ///   can be compared with them (scripts/peers/check.py).
  /// - Throws: `ShapeError` that names the node which has no ONNX form.
  public static func write(
    _ graph: Graph, to path: String, format: OnnxExportFormat = .qdq, samples: [Tensor] = []
  ) throws {
    let exporter = OnnxExporter(graph, format)
    try AtomicFile.write(exporter.model().encoded(), to: path)
    guard !samples.isEmpty else { return }
    let stem = path.hasSuffix(".onnx") ? String(path.dropLast(".onnx".count)) : path
    try Npz.write(exporter.values(for: samples), to: stem + ".npz")
  }

  static func encode(_ graph: Graph, format: OnnxExportFormat = .qdq) throws -> [UInt8] {
    try OnnxExporter(graph, format).model().encoded()
  }
}

/// Writes the nodes of a graph as ONNX nodes, each by the entry of its op in `OnnxExporter.operators`.
final class OnnxExporter {
  let graph: Graph
  let format: OnnxExportFormat
  private var result = OnnxGraph()
  private var domains: Set<String> = [""]
  private var names = UniqueNames()
  private var values: [Graph.ID: String] = [:]
  /// For values that lie on a grid, the name of their bytes, once they are written, and of their scale and zero point.
  private var bytes: [Graph.ID: (name: String, parameters: [String])] = [:]
  private var stored: [String: String] = [:]
  private(set) var outputNames: [String] = []
  /// What lies on a grid, in the order it is written.
  private(set) var gridValues: [OnnxGridValue] = []

  init(_ graph: Graph, _ format: OnnxExportFormat) {
    self.graph = graph
    self.format = format
  }

  func model() throws -> OnnxModel {
    result.name = "qscript"
    for id in graph.inputs {
      let name = names.unused(graph[id].name)
      values[id] = name
      result.inputs.append(
        OnnxValueInfo(name: name, type: OnnxType(graph[id].dtype), shape: dimensions(ofInput: id)))
    }
    let outputs = graph.outputNames.map { names.unused($0) }
    for id in graph.order { try write(id) }
    try writeOutputs(outputs)
    var model = OnnxModel()
    model.irVersion = 10
    model.producer = "qscript"
    model.graph = result
    for domain in domains { model.opsets[domain] = domain.isEmpty ? OnnxFile.writtenOpset : 1 }
    return model
  }

  private func write(_ id: Graph.ID) throws {
    switch graph[id].kind {
    case .input: break
    // Weights are written where they are read: a quantized layer wants them as integers.
    case .leaf: break
    case .apply(let op, let reads):
      do {
        let export = OnnxExport(exporter: self, id: id, op: op, reads: reads)
        if let quantized = op as? any QuantizedOp {
          values[id] = try export.quantized(quantized)
        } else if let lowBit = op as? any LowBitOp {
          values[id] = try export.lowBit(lowBit)
        } else if let rounded = try export.rounding(op) {
          values[id] = rounded
        } else if let recurrent = try export.recurrent(op) {
          // It writes its weights in an order of its own.
          values[id] = recurrent
        } else {
          values[id] = try export.float(op, inputs: export.inputNames())
        }
      } catch let error as ShapeError {
        throw ShapeError("onnx", "node '\(graph[id].name)' (\(op.name)): \(error.problem)")
      }
    }
  }

  private func writeOutputs(_ names: [String]) throws {
    let shapes = outputDimensions()
    for (i, id) in graph.outputs.enumerated() {
      let node = OnnxNode(
        name: names[i], operation: "Identity", inputs: [try name(of: id)], outputs: [names[i]])
      outputNames.append(names[i])
      result.nodes.append(node)
      result.outputs.append(OnnxValueInfo(name: names[i], type: OnnxType(graph[id].dtype), shape: shapes[i]))
    }
  }

  // MARK: Dimensions

  private func dimensionNames(ofInput id: Graph.ID) -> [String?] {
    let rank = graph[id].shape.rank
    return graph.dimensionNames[id]
      ?? (rank == 0 ? [] : ["batch"] + [String?](repeating: nil, count: rank - 1))
  }

  /// Whether an input leaves more open than its batch.
  var hasOpenLengths: Bool {
    graph.inputs.contains { dimensionNames(ofInput: $0).dropFirst().contains { $0 != nil } }
  }

  private func dimensions(ofInput id: Graph.ID) -> [OnnxValueInfo.Dimension] {
    zip(graph[id].shape, dimensionNames(ofInput: id)).map { extent, name in
      name.map { .symbol($0) } ?? .fixed(extent)
    }
  }

  /// The shapes of all nodes where a dimension that has a name is a prime, as when a model is read; nil where the graph
  /// takes no other sizes than its example's.
  private lazy var opened: (names: [(name: String, prime: Int)], shapes: [Graph.ID: Shape]?) = {
    var symbols: [(name: String, prime: Int)] = []
    var free = OnnxSymbols.candidates[...]
    let inputs = graph.inputs.map { id in
      Shape(
        zip(graph[id].shape, dimensionNames(ofInput: id)).map { extent, name in
          guard let name else { return extent }
          if let known = symbols.first(where: { $0.name == name }) { return known.prime }
          guard let prime = free.popFirst() else { return extent }
          symbols.append((name, prime))
          return prime
        })
    }
    return (symbols, try? graph.shapes(for: inputs))
  }()

  /// Whether a dimension of a node's value may have another extent than the example's; never where the graph takes no
  /// other.
  func isOpen(_ axis: Int, of id: Graph.ID) -> Bool {
    opened.shapes?[id].map { $0[axis] != graph[id].shape[axis] } ?? false
  }

  private func outputDimensions() -> [[OnnxValueInfo.Dimension]] {
    guard let shapes = opened.shapes else {
      return graph.outputs.map { graph[$0].shape.map { .fixed($0) } }
    }
    return graph.outputs.map { id in
      (shapes[id] ?? []).map { extent in
        if let symbol = opened.names.first(where: { extent == $0.prime }) { return .symbol(symbol.name) }
        return opened.names.contains { extent > 0 && extent % $0.prime == 0 } ? .unknown : .fixed(extent)
      }
    }
  }

  // MARK: For the operators

  /// The name under which a value can be read; weights are written now.
  func name(of id: Graph.ID) throws -> String {
    if let known = values[id] { return known }
    if let (stored, parameters) = bytes[id] {
      let name = add("DequantizeLinear", [stored] + parameters, named: graph[id].name)
      values[id] = name
      return name
    }
    guard let parameter = graph.leaf(id) else { preconditionFailure("nodes come after what they read") }
    let name = initializer(graph[id].name, parameter.value)
    values[id] = name
    return name
  }

  func add(
    _ operation: String, _ inputs: [String], _ attributes: [String: OnnxAttribute] = [:], domain: String = "",
    named title: String
  ) -> String {
    add(operation, inputs, attributes, domain: domain, outputs: 1, named: title)[0]
  }

  /// A node of several outputs; their names.
  func add(
    _ operation: String, _ inputs: [String], _ attributes: [String: OnnxAttribute] = [:], domain: String = "",
    outputs: Int, named title: String
  ) -> [String] {
    let names = (0..<outputs).map { self.names.unused($0 == 0 ? title : "\(title)_output_\($0 + 1)") }
    domains.insert(domain)
    result.nodes.append(
      OnnxNode(
        name: names[0], operation: operation, domain: domain, inputs: inputs, outputs: names,
        attributes: attributes))
    return names
  }

  func initializer(_ name: String, _ tensor: Tensor, as type: OnnxType? = nil) -> String {
    let name = names.unused(name)
    result.initializers.append(OnnxTensor(name, tensor, as: type))
    return name
  }

  /// A small constant, written once however often it is read.
  func constant(_ tensor: Tensor, _ what: String, as type: OnnxType? = nil) throws -> String {
    let key = "\(type ?? OnnxType(tensor.dtype)) \(tensor.shape) \(try tensor.doubles())"
    if let known = stored[key] { return known }
    let name = initializer(what, tensor, as: type)
    stored[key] = name
    return name
  }

  func inputName(_ id: Graph.ID) -> String { values[id] ?? graph[id].name }

  func setBytes(_ name: String, of id: Graph.ID, _ parameters: [String]) { bytes[id] = (name, parameters) }
  func bytes(of id: Graph.ID) -> String? { bytes[id]?.name }

  /// Notes that the bytes `name` are those of a node's value, or of one of its positions.
  func note(_ name: String, is id: Graph.ID, on params: QuantParams, position: Int? = nil) {
    gridValues.append(OnnxGridValue(name: name, id: id, params: params, position: position))
  }
}

/// One node while it is written.
struct OnnxExport {
  let exporter: OnnxExporter
  let id: Graph.ID
  let op: any Op
  let reads: [Graph.ID]

  var title: String { exporter.graph[id].name }
  var shape: Shape { exporter.graph[id].shape }
  func inputNames() throws -> [String] { try reads.map(exporter.name) }
  func inputShape(_ i: Int) -> Shape { exporter.graph[reads[i]].shape }

  func add(
    _ operation: String, _ inputs: [String], _ attributes: [String: OnnxAttribute] = [:], domain: String = ""
  )
    -> String
  {
    exporter.add(operation, inputs, attributes, domain: domain, named: title)
  }

  func integers(_ values: [Int], _ what: String = "sizes") throws -> String {
    try exporter.constant(Tensor([values.count], values.map(Int64.init)), what)
  }

  func scalar(_ value: Double, _ type: DType = .f32, _ what: String = "number") throws -> String {
    try exporter.constant(Tensor.scalar(value, type), what)
  }
}
