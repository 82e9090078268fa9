import Compression
import Models
import Tensors

/// How a TFLite model is written.
public struct TFLiteExportOptions {
  /// How images lie in the inputs of the file.
  public enum Layout: String, CaseIterable, Sendable {
    /// [N, H, W, C], as TensorFlow has them.
    case nhwc
    /// [N, C, H, W], as here; the file turns them over.
    case nchw
  }

  /// What a quantized model takes and gives.
  public enum Numbers: String, CaseIterable, Sendable {
    case float
    case int8
  }

  public var layout: Layout
  public var io: Numbers
  /// Inputs whose results tell the range of a last layer that gives real numbers, so that it can give int8; without them
  /// it is written in float.
  public var samples: Tensor?

  public init(layout: Layout = .nhwc, io: Numbers = .float, samples: Tensor? = nil) {
    (self.layout, self.io, self.samples) = (layout, io, samples)
  }
}

extension TFLiteFile {
  /// Writes a convolutional or fully connected network, float or quantized, in evaluation mode. The batch stays open.
  ///
  /// - Throws: `ShapeError` that names the node which has no form in TFLite.
  public static func write(_ graph: Graph, to path: String, _ options: TFLiteExportOptions = .init()) throws {
    try AtomicFile.write(encode(graph, options), to: path)
  }

  static func encode(_ graph: Graph, _ options: TFLiteExportOptions = .init()) throws -> [UInt8] {
    let isQuantized = graph.order.contains { graph.operation($0)?.op is any QuantizedOp }
    try require(
      isQuantized || options.io == .float && options.samples == nil, "tflite",
      "io = \"int8\" and samples are for quantized graphs; quantize this one first: qs.quantize(model, {...})"
    )
    let work = graph.copy()
    try work.apply(.removeIdentities)
    try work.apply(.foldBatchNorm)
    // Sizes are written for one sample.
    try? work.setExample { $0.rank == 0 ? $0 : $0.replacing(0, with: 1) }
    let exporter = try TFLiteExporter(work, options)
    return FlatbufferWriter.encode(try exporter.model(), mark: "TFL3")
  }
}

/// A tensor to be written.
struct TFLiteSpec {
  var name: String
  /// In the file's layout; the first dimension of one that is computed is the batch.
  var shape: [Int]
  var kind: TFLiteTensor.Kind
  var scales: [Float] = []
  var zeroPoint = 0
  var quantizedDimension = 0
  /// nil for one that is computed.
  var data: [UInt8]?
}

/// An operator's attributes: the number of their table in the union `BuiltinOptions` of the schema, and its fields.
typealias TFLiteAttributes = (kind: Int, fields: FlatbufferFields)

/// The tensors and operators of a file in the making.
struct TFLiteContent {
  private var tensors: [FlatbufferFields] = []
  private var buffers: [FlatbufferFields] = [[:]]
  private var operators: [FlatbufferFields] = []
  private var codes: [(code: Int, version: Int)] = []
  private(set) var specs: [TFLiteSpec] = []

  mutating func add(_ spec: TFLiteSpec) -> Int {
    var fields: FlatbufferFields = [
      0: .int32s(spec.shape), 1: .byte(spec.kind.rawValue), 2: .int32(0), 3: .text(spec.name),
    ]
    if let data = spec.data {
      fields[2] = .int32(buffers.count)
      buffers.append([0: .bytes(data, alignment: 16)])
    } else if !spec.shape.isEmpty {
      fields[7] = .int32s([-1] + spec.shape.dropFirst())
    }
    if !spec.scales.isEmpty {
      fields[4] = .table([
        2: .floats(spec.scales), 3: .int64s(spec.scales.map { _ in spec.zeroPoint }),
        6: .int32(spec.quantizedDimension),
      ])
    }
    tensors.append(fields)
    specs.append(spec)
    return specs.count - 1
  }

  /// - Parameter version: the lowest version of the operator that takes such tensors, as TensorFlow counts them.
  mutating func add(
    _ name: String, version: Int, _ inputs: [Int], _ output: Int, _ attributes: TFLiteAttributes? = nil
  ) {
    guard let code = TFLiteOperator.code(named: name) else { preconditionFailure("there is no \(name)") }
    let place = codes.firstIndex { $0 == (code, version) } ?? codes.count
    if place == codes.count { codes.append((code, version)) }
    var fields: FlatbufferFields = [0: .int32(place), 1: .int32s(inputs), 2: .int32s([output])]
    if let attributes {
      fields[3] = .byte(attributes.kind)
      fields[4] = .table(attributes.fields)
    }
    operators.append(fields)
  }

  func model(inputs: [Int], outputs: [Int]) -> FlatbufferFields {
    let graph: FlatbufferFields = [
      0: .tables(tensors), 1: .int32s(inputs), 2: .int32s(outputs), 3: .tables(operators), 4: .text("main"),
    ]
    return [
      0: .int32(3), 2: .tables([graph]), 3: .text("qscript"), 4: .tables(buffers),
      1: .tables(codes.map { [0: .byte(min($0.code, 127)), 2: .int32($0.version), 3: .int32($0.code)] }),
    ]
  }
}
