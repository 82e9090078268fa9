import Compression
import Models
import Tensors

/// Stored integers and how they become real numbers: the inputs of a DequantizeLinear.
struct OnnxStoredIntegers {
  let integers, scale, zeroPoint: String
  let attributes: [String: OnnxAttribute]

  var names: [String] { [integers, scale, zeroPoint] }
}

extension OnnxExport {
  /// The weight and the bias of a layer as a float operator reads them.
  func weights(_ quantizer: WeightQuantizer, _ input: QuantParams) throws -> [String] {
    let weight = dequantized(try weight(quantizer))
    return try [weight] + (bias(quantizer, input).map { [dequantized($0)] } ?? [])
  }

  func dequantized(_ stored: OnnxStoredIntegers) -> String {
    add("DequantizeLinear", stored.names, stored.attributes)
  }

  /// Input 1, of which `quantizer` promises that it lies on its grid.
  func weight(_ quantizer: WeightQuantizer, isTurned: Bool = false) throws -> OnnxStoredIntegers {
    try stored(reads[1], quantizer, isTurned: isTurned)
  }

  /// A stored tensor [O, ...] as integers with a scale for each output channel or for each group of its inputs. They
  /// are s8, or s4 between real operators if 4 bits hold them.
  ///
  /// - Parameters:
  ///   - values: in its place.
  ///   - isTurned: whether [O, K] is written as [K, O].
  func stored(
    _ leaf: Graph.ID, _ quantizer: WeightQuantizer, _ values: Tensor? = nil, isTurned: Bool = false
  ) throws -> OnnxStoredIntegers {
    guard let weight = values ?? exporter.graph.leaf(leaf)?.value else {
      throw ShapeError("onnx", "its weight is computed from other values")
    }
    try Tensors.require(
      quantizer.group == nil || weight.rank == 2, "onnx",
      "a weight \(weight.shape) with groups has no ONNX form; groups are written for linear layers")
    let fitsFourBits = quantizer.lowest >= -8 && quantizer.highest <= 7
    let type = exporter.format == .qdq && fitsFourBits ? OnnxType.int4 : .int8
    func turned(_ x: Tensor) throws -> Tensor {
      isTurned && x.rank == 2 ? try x.permuted([1, 0]).contiguous() : x
    }
    let channels = weight.shape[0]
    let shape: Shape =
      quantizer.group == nil ? [channels] : [channels, quantizer.scales.count / max(channels, 1)]
    let zeros =
      quantizer.isSymmetric ? [Int8](repeating: 0, count: quantizer.scales.count) : quantizer.zeroPoints
    let name = exporter.graph[leaf].name
    var attributes: [String: OnnxAttribute] = ["axis": .int(isTurned ? 1 : 0)]
    if let group = quantizer.group {
      attributes = ["axis": .int(isTurned ? 0 : 1), "block_size": .int(group)]
    }
    return OnnxStoredIntegers(
      integers: exporter.initializer(
        name + "_quantized", try turned(Tensor(weight.shape, quantizer.quantize(weight))), as: type),
      scale: exporter.initializer(name + "_scale", try turned(Tensor(shape, quantizer.scales))),
      zeroPoint: try exporter.constant(turned(Tensor(shape, zeros)), "zero_points", as: type),
      attributes: attributes)
  }

  /// Input 2 as the s32 that is added to the products; nil where there is none.
  func bias(_ quantizer: WeightQuantizer, _ input: QuantParams) throws -> OnnxStoredIntegers? {
    guard reads.count > 2, let bias = exporter.graph.leaf(reads[2])?.value else { return nil }
    return try stored(bias, exporter.graph[reads[2]].name, quantizer, input)
  }

  /// A bias as the s32 that is added to the products.
  func stored(_ bias: Tensor, _ name: String, _ quantizer: WeightQuantizer, _ input: QuantParams) throws
    -> OnnxStoredIntegers
  {
    let products = quantizer.scales.map { input.scale * $0 }
    let sums = zip(try bias.array(Float.self), products).map { value, scale in
      Int32(converting: Double((value / scale).rounded(.toNearestOrEven)))
    }
    return OnnxStoredIntegers(
      integers: exporter.initializer(name + "_quantized", try Tensor([sums.count], sums)),
      scale: exporter.initializer(name + "_scale", try Tensor([products.count], products)),
      zeroPoint: try exporter.constant(Tensor.zeros([sums.count], .i32), "zero_points"),
      attributes: ["axis": .int(0)])
  }

  /// What training rounds, as conversions to integers and back; nil for other operations.
  func rounding(_ op: any Op) throws -> String? {
    let leaves = reads.dropFirst().compactMap { exporter.graph.leaf($0)?.value }
    guard leaves.count + 1 == reads.count else { return nil }
    if let weight = exporter.graph.leaf(reads[0])?.value, let quantizer = try op.weightGrid(weight, leaves) {
      let rounded = try Tape.withoutGradients { try op.apply([weight] + leaves) }
      return dequantized(try stored(reads[0], quantizer, rounded))
    }
    return try op.activationGrid(leaves).map {
      try grid(of: exporter.name(of: reads[0]), $0, .rounded)
    }
  }
}
