import Compression
import Models
import Tensors

extension OnnxExport {
  /// Writes a quantized op, whose inputs lie on their grids; returns the name of its result in f32, or nil where only
  /// its bytes are written.
  func quantized(_ op: any QuantizedOp) throws -> String? {
    if op is QuantizeLinear {
      guard let params = op.result else { preconditionFailure("it quantizes to something") }
      return try grid(of: try exporter.name(of: reads[0]), params, .result)
    }
    if op is DequantizeLinear { return try exporter.name(of: reads[0]) }
    if let op = op as? QuantizedLSTM { return try lstm(op) }
    if exporter.format == .qoperator, try writeIntegers(op) { return nil }
    var y = try between(op)
    switch op.range {
    case .unbounded: break
    case .nonNegative: y = add("Relu", [y])
    case .clip(let low, let high):
      y = add("Clip", [y, try scalar(Double(low), .f32, "min"), try scalar(Double(high), .f32, "max")])
    }
    guard let result = op.result else { return y }
    return try grid(of: y, result, .result)
  }

  /// The float operator between the grids of its inputs and of its result.
  private func between(_ op: any QuantizedOp) throws -> String {
    let activations = try reads.prefix(op.inputCount).map(exporter.name)
    switch op {
    case let op as QuantizedAttention:
      return try attention(op.attention, activations) { inner, isScores in
        try grid(of: inner, isScores ? op.scores : QuantizedSoftmax.probabilities, .inner)
      }
    case let op as QuantizedLinear where inputShape(0).rank != 2:
      // Runtimes fuse the product with a matrix of s8, and not with one that is turned first.
      let product = add("MatMul", activations + [dequantized(try weight(op.quantizer, isTurned: true))])
      return try bias(op.quantizer, op.activations[0]).map { add("Add", [product, dequantized($0)]) }
        ?? product
    case let op as QuantizedConv2d:
      return try float(op.float, inputs: activations + weights(op.quantizer, op.activations[0]))
    case let op as QuantizedLinear:
      return try float(op.float, inputs: activations + weights(op.quantizer, op.activations[0]))
    default:
      return try float(op.float, inputs: activations + reads.dropFirst(op.inputCount).map(exporter.name))
    }
  }

  /// What is put on a grid.
  enum Role {
    /// The node's value, which other nodes may read as bytes.
    case result
    /// The node's value, rounded in training.
    case rounded
    /// A value inside of the node.
    case inner
  }

  /// f32 to u8 and back.
  func grid(of x: String, _ params: QuantParams, _ role: Role) throws -> String {
    let parameters = try gridParameters(params)
    let bytes = try bytes(of: x, params)
    if role == .result { exporter.setBytes(bytes, of: id, parameters) }
    if role != .inner { exporter.note(bytes, is: id, on: params) }
    return add("DequantizeLinear", [bytes] + parameters)
  }

  /// f32 to u8. A grid of fewer codes than bytes is clipped before: its ends are exact.
  func bytes(of x: String, _ params: QuantParams) throws -> String {
    var x = x
    if params.lowest > 0 || params.highest < 255 {
      let ends = [params.lowest, params.highest].map { Double(params.dequantize($0)) }
      x = add("Clip", [x, try scalar(ends[0], .f32, "min"), try scalar(ends[1], .f32, "max")])
    }
    return add("QuantizeLinear", [x] + (try gridParameters(params)))
  }

  /// What conversions to and from a grid read.
  func gridParameters(_ params: QuantParams) throws -> [String] {
    [try scale(params), try zeroPoint(params)]
  }

  private func scale(_ params: QuantParams) throws -> String {
    try scalar(Double(params.scale), .f32, "scale")
  }
  private func zeroPoint(_ params: QuantParams) throws -> String {
    try scalar(Double(params.zeroPoint), .u8, "zero_point")
  }

  // MARK: Operators between integers

  /// The bytes of an input.
  private func bytes(_ i: Int, _ params: QuantParams) throws -> String {
    if let known = exporter.bytes(of: reads[i]) { return known }
    let parameters = try gridParameters(params)
    let name = add("QuantizeLinear", [try exporter.name(of: reads[i])] + parameters)
    exporter.setBytes(name, of: reads[i], parameters)
    return name
  }

  /// False where there is no operator between integers: then the float one stands between conversions.
  private func writeIntegers(_ op: any QuantizedOp) throws -> Bool {
    guard let result = op.result else { return false }
    let y = try gridParameters(result)
    func operand(_ i: Int) throws -> [String] {
      let params = op.activations[i]
      return [try bytes(i, params), try scale(params), try zeroPoint(params)]
    }
    let name: String
    switch op {
    // The clamp of an activation is the byte range only where it starts at zero.
    case let op as QuantizedConv2d where isSaturation(op.range, result):
      let weight = try weight(op.quantizer)
      name = add(
        "QLinearConv",
        try operand(0) + weight.names + y
          + (bias(op.quantizer, op.activations[0]).map { [$0.integers] } ?? []),
        window(op.convolution.window(inputShape(1)), ["group": .int(op.convolution.groups)]))
    case let op as QuantizedAdd where isSaturation(op.range, result):
      name = add("QLinearAdd", try operand(0) + operand(1) + y, domain: "com.microsoft")
    case let op as QuantizedMul where isSaturation(op.range, result):
      name = add("QLinearMul", try operand(0) + operand(1) + y, domain: "com.microsoft")
    case let op as QuantizedLinear where isSaturation(op.range, result) && inputShape(0).rank == 2:
      let weight = try weight(op.quantizer)
      let bias = try bias(op.quantizer, op.activations[0])?.integers ?? ""
      name = add(
        "QGemm", try operand(0) + weight.names + [bias] + y, ["transB": .int(1)], domain: "com.microsoft")
    default: return false
    }
    exporter.setBytes(name, of: id, y)
    exporter.note(name, is: id, on: result)
    return true
  }

  private func isSaturation(_ range: ActivationRange, _ params: QuantParams) -> Bool {
    let (low, high) = range.bounds(params)
    return low == 0 && high == 255
  }
}
