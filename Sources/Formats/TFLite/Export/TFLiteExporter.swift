import Compression
import Models
import Tensors

/// Writes the nodes of a graph as TFLite operators. Images are [N, C, H, W] in the graph and [N, H, W, C] in the file;
/// u8 values become s8 by moving their zero points by 128.
final class TFLiteExporter {
  let graph: Graph
  let options: TFLiteExportOptions
  var content = TFLiteContent()
  /// The tensor of each value that is written.
  private var tensors: [Graph.ID: Int] = [:]
  /// Tensors with the same values off their grid.
  private var real: [Int: Int] = [:]
  /// Rows made of images, [N, C * H * W] in the graph, whose numbers lie as H, W, C in the file: the image's shape.
  var images: [Graph.ID: Shape] = [:]
  private var shared: [String: Int] = [:]
  /// The grid of a last layer that gives real numbers.
  private let lastGrid: QuantParams?

  init(_ graph: Graph, _ options: TFLiteExportOptions) throws {
    (self.graph, self.options) = (graph, options)
    lastGrid = try options.samples.map { samples in
      graph.setTraining(false)
      let y = try Tape.withoutGradients { try graph(samples) }
      return QuantParams(covering: Float(try y.min().item()), Float(try y.max().item()))
    }
  }

  func model() throws -> FlatbufferFields {
    let inputs = try graph.inputs.map(addInput)
    for id in graph.order where tensors[id] == nil {
      guard let (op, reads) = graph.operation(id) else { continue }
      do {
        let call = try TFLiteCall(self, id, op, reads)
        tensors[call.tail] = try call.write()
      } catch let error as ShapeError {
        throw ShapeError("tflite", "node '\(graph[id].name)' (\(op.name)): \(error.problem)")
      }
    }
    let outputs = try graph.outputs.map(output)
    return content.model(inputs: inputs, outputs: outputs)
  }

  /// The grid of the last layer's result, where there is none in the graph.
  func lastGrid(of id: Graph.ID) -> QuantParams? { graph.outputs == [id] ? lastGrid : nil }

  // MARK: Ends

  private func addInput(_ id: Graph.ID) throws -> Int {
    let node = graph[id]
    guard node.dtype == .f32 else {
      throw ShapeError("tflite", "input '\(node.name)' is \(node.dtype); networks that take f32 are written")
    }
    let users = graph.users(of: id)
    let conversions = users.compactMap { (graph.operation($0)?.op as? QuantizeLinear)?.result }
    let grid = options.io == .int8 && conversions.count == users.count ? conversions.first : nil
    let isTurned = options.layout == .nchw && node.shape.rank == 4
    var spec = self.spec(node.name, node.shape, grid)
    if isTurned { spec.shape = node.shape.dims }
    let place = content.add(spec)
    guard isTurned else {
      tensors[id] = place
      return place
    }
    let turned = content.add(self.spec(node.name + "_nhwc", node.shape, grid))
    content.add(
      "TRANSPOSE", version: grid == nil ? 1 : 2, [place, integers([0, 2, 3, 1], "to_nhwc")], turned)
    tensors[id] = turned
    return place
  }

  private func output(_ id: Graph.ID) throws -> Int {
    let place = try tensor(id)
    if images[id] != nil { preconditionFailure("rows of images are only made for linear layers") }
    return options.io == .float ? real(place) : place
  }

  // MARK: Tensors

  /// A tensor for values of that shape in the graph, on a grid of bytes or not.
  func spec(_ name: String, _ shape: Shape, _ grid: QuantParams?) -> TFLiteSpec {
    var spec = TFLiteSpec(name: name, shape: Self.channelsLast(shape), kind: grid == nil ? .float32 : .int8)
    if let grid { (spec.scales, spec.zeroPoint) = ([grid.scale], Int(grid.zeroPoint) - 128) }
    return spec
  }

  static func channelsLast(_ s: Shape) -> [Int] { s.rank == 4 ? [s[0], s[2], s[3], s[1]] : s.dims }

  /// What a node reads.
  func tensor(_ id: Graph.ID) throws -> Int {
    if let known = tensors[id] { return known }
    guard let parameter = graph.leaf(id) else { preconditionFailure("nodes come after what they read") }
    let value = parameter.value
    guard value.dtype == .f32 else {
      throw ShapeError("tflite", "reads '\(graph[id].name)', which is \(value.dtype)")
    }
    let turned = value.rank == 4 ? try value.permuted([0, 2, 3, 1]) : value
    let place = try constant(graph[id].name, turned, .float32)
    tensors[id] = place
    return place
  }

  /// The same values as real numbers.
  func real(_ place: Int) -> Int {
    let spec = content.specs[place]
    if spec.kind != .int8 { return place }
    if let known = real[place] { return known }
    let result = content.add(TFLiteSpec(name: spec.name + "_real", shape: spec.shape, kind: .float32))
    content.add("DEQUANTIZE", version: 2, [place], result)
    real[place] = result
    return result
  }

  /// A stored tensor that is laid out as in the file; `scales` are those of the slices along `axis`.
  func constant(
    _ name: String, _ value: Tensor, _ kind: TFLiteTensor.Kind, _ scales: [Float] = [], axis: Int = 0
  ) throws -> Int {
    let dense = try value.contiguous()
    var spec = TFLiteSpec(name: name, shape: dense.shape.dims, kind: kind, scales: scales)
    spec.quantizedDimension = axis
    spec.data =
      switch kind {
      case .int8: bytes(try dense.array(Int8.self))
      case .int32: bytes(try dense.array(Int32.self))
      default: bytes(try dense.array(Float.self))
      }
    return content.add(spec)
  }

  private func bytes<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// A list of sizes, written once.
  func integers(_ values: [Int], _ name: String, shape: [Int]? = nil) -> Int {
    let key = "\(values) \(shape ?? [])"
    if let known = shared[key] { return known }
    let bytes = values.flatMap { value in withUnsafeBytes(of: Int32(value).littleEndian) { Array($0) } }
    let place = content.add(
      TFLiteSpec(name: name, shape: shape ?? [values.count], kind: .int32, data: bytes))
    shared[key] = place
    return place
  }
}
