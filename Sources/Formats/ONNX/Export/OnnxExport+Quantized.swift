import Compression
import Models
import Tensors

extension OnnxExport {
  /// Writes a quantized op, whose inputs lie on their grids; returns the name of its result in f32.
  func quantized(_ op: any QuantizedOp) throws -> String {
    if op is QuantizeLinear {
      guard let params = op.result else { preconditionFailure("it quantizes to something") }
      return try grid(of: try exporter.name(of: reads[0]), params)
    }
    if op is DequantizeLinear { return try exporter.name(of: reads[0]) }
    if exporter.format == .qoperator, let name = try integerOperator(op) { return name }
    var inputs = try reads.prefix(op.inputCount).map(exporter.name)
    inputs += try weights(op)
    var y = try float(op.float, inputs: inputs)
    switch op.range {
    case .unbounded: break
    case .nonNegative: y = add("Relu", [y])
    case .clip(let low, let high):
      y = add("Clip", [y, try scalar(Double(low), .f32, "min"), try scalar(Double(high), .f32, "max")])
    }
    guard let result = op.result else { return y }
    return try grid(of: y, result)
  }

  /// f32 to u8 and back. A grid of fewer codes than bytes is clipped before: its ends are exact.
  private func grid(of x: String, _ params: QuantParams) throws -> String {
    var x = x
    if params.lowest > 0 || params.highest < 255 {
      let ends = [params.lowest, params.highest].map { Double(params.dequantize($0)) }
      x = add("Clip", [x, try scalar(ends[0], .f32, "min"), try scalar(ends[1], .f32, "max")])
    }
    let parameters = [try scale(params), try zeroPoint(params)]
    let bytes = add("QuantizeLinear", [x] + parameters)
    exporter.setBytes(bytes, of: id)
    return add("DequantizeLinear", [bytes] + parameters)
  }

  private func scale(_ params: QuantParams) throws -> String {
    try scalar(Double(params.scale), .f32, "scale")
  }
  private func zeroPoint(_ params: QuantParams) throws -> String {
    try scalar(Double(params.zeroPoint), .u8, "zero_point")
  }

  // MARK: Weights

  private struct IntegerWeights {
    let weight, weightScale, bias, biasScale: String
    let hasBias: Bool
  }

  /// s8 weights with a scale for each output channel, and the s32 bias that is added to their products.
  private func integers(_ quantizer: WeightQuantizer, _ input: QuantParams) throws -> IntegerWeights {
    guard let weight = exporter.graph.leaf(reads[1]) else {
      throw ShapeError("onnx", "its weight is computed from other values")
    }
    let name = exporter.graph[reads[1]].name
    let values = try Tensor(weight.value.shape, quantizer.quantize(weight.value))
    let scales = try Tensor([quantizer.scales.count], quantizer.scales)
    let products = quantizer.scales.map { input.scale * $0 }
    var (bias, biasScale) = ("", "")
    if reads.count > 2, let leaf = exporter.graph.leaf(reads[2]) {
      let sums = zip(try leaf.value.array(Float.self), products).map { value, scale in
        Int32(converting: Double((value / scale).rounded(.toNearestOrEven)))
      }
      bias = exporter.initializer(
        exporter.graph[reads[2]].name + "_quantized", try Tensor([sums.count], sums))
      biasScale = exporter.initializer(
        exporter.graph[reads[2]].name + "_scale", try Tensor([products.count], products))
    }
    return IntegerWeights(
      weight: exporter.initializer(name + "_quantized", values),
      weightScale: exporter.initializer(name + "_scale", scales),
      bias: bias, biasScale: biasScale, hasBias: !bias.isEmpty)
  }

  private func quantizer(_ op: any QuantizedOp) -> WeightQuantizer? {
    (op as? QuantizedConv2d)?.quantizer ?? (op as? QuantizedLinear)?.quantizer
  }

  /// The inputs behind the activations, as a float operator reads them.
  private func weights(_ op: any QuantizedOp) throws -> [String] {
    guard let quantizer = quantizer(op) else { return try reads.dropFirst(op.inputCount).map(exporter.name) }
    let stored = try integers(quantizer, op.activations[0])
    let zero = try exporter.constant(Tensor.zeros([quantizer.scales.count], .i8), "zero_points")
    var names = [add("DequantizeLinear", [stored.weight, stored.weightScale, zero], ["axis": .int(0)])]
    if stored.hasBias {
      let zero = try exporter.constant(Tensor.zeros([quantizer.scales.count], .i32), "zero_points")
      names.append(add("DequantizeLinear", [stored.bias, stored.biasScale, zero], ["axis": .int(0)]))
    }
    return names
  }

  // MARK: Operators between integers

  /// The bytes of an input.
  private func bytes(_ i: Int, _ params: QuantParams) throws -> String {
    if let known = exporter.bytes(of: reads[i]) { return known }
    let name = add(
      "QuantizeLinear", [try exporter.name(of: reads[i]), try scale(params), try zeroPoint(params)])
    exporter.setBytes(name, of: reads[i])
    return name
  }

  /// nil where there is no operator between integers: then the float one stands between conversions.
  private func integerOperator(_ op: any QuantizedOp) throws -> String? {
    guard let result = op.result else { return nil }
    let y = [try scale(result), try zeroPoint(result)]
    func operand(_ i: Int) throws -> [String] {
      let params = op.activations[i]
      return [try bytes(i, params), try scale(params), try zeroPoint(params)]
    }
    let name: String
    switch op {
    // The clamp of an activation is the byte range only where it starts at zero.
    case let op as QuantizedConv2d where isSaturation(op.range, result):
      let stored = try integers(op.quantizer, op.activations[0])
      let zero = try exporter.constant(Tensor.zeros([op.quantizer.scales.count], .i8), "zero_points")
      name = add(
        "QLinearConv",
        try operand(0) + [stored.weight, stored.weightScale, zero] + y
          + (stored.hasBias ? [stored.bias] : []),
        window(op.convolution.window(inputShape(1)), ["group": .int(op.convolution.groups)]))
    case let op as QuantizedAdd where isSaturation(op.range, result):
      name = add("QLinearAdd", try operand(0) + operand(1) + y, domain: "com.microsoft")
    case let op as QuantizedMul where isSaturation(op.range, result):
      name = add("QLinearMul", try operand(0) + operand(1) + y, domain: "com.microsoft")
    case let op as QuantizedLinear where isSaturation(op.range, result) && inputShape(0).rank == 2:
      let stored = try integers(op.quantizer, op.activations[0])
      let zero = try exporter.constant(Tensor.zeros([op.quantizer.scales.count], .i8), "zero_points")
      name = add(
        "QGemm", try operand(0) + [stored.weight, stored.weightScale, zero, stored.bias] + y,
        ["transB": .int(1)],
        domain: "com.microsoft")
    default: return nil
    }
    exporter.setBytes(name, of: id)
    return add("DequantizeLinear", [name] + y)
  }

  private func isSaturation(_ range: ActivationRange, _ params: QuantParams) -> Bool {
    let (low, high) = range.bounds(params)
    return low == 0 && high == 255
  }
}
