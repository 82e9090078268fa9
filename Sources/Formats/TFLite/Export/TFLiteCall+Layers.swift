import Compression
import Tensors

/// Layers with weights, and windows over images.
extension TFLiteCall {
  private struct Weights {
    /// In the graph's order, of the element type that is written.
    var weight: Tensor
    var bias: Tensor
    /// One for each output; empty for real numbers.
    var scales: [Float] = []
    var biasScales: [Float] = []
  }

  private func weights() throws -> Weights {
    let (weight, outputs) = (try leaf(1).value, inputShape(1)[0])
    let bias = reads.count > 2 ? try leaf(2).value : nil
    guard let quantizer, let input = grids.first else {
      return Weights(weight: weight, bias: try bias ?? .zeros([outputs]))
    }
    let integers = try IntegerWeights(
      weight: weight, bias: bias, quantizer: quantizer, input: input, output: IntegerOutput(grid))
    let products = quantizer.scales.map { $0 * input.scale }
    if isQuantized {
      return Weights(
        weight: try Tensor(weight.shape, integers.weights), bias: try Tensor([outputs], integers.bias),
        scales: quantizer.scales, biasScales: products)
    }
    // The numbers that the integer kernel stands for.
    return Weights(
      weight: try quantizer.dequantized(weight),
      bias: try Tensor([outputs], zip(integers.bias, products).map { Float($0) * $1 }))
  }

  private var quantizer: WeightQuantizer? {
    (operation as? QuantizedConv2d)?.quantizer ?? (operation as? QuantizedLinear)?.quantizer
  }

  /// The weight, arranged as the file has it, and the bias.
  private func write(_ weights: Weights, outputAxis: Int, _ arrange: (Tensor) throws -> Tensor) throws
    -> [Int]
  {
    let names = reads.dropFirst().map { exporter.graph[$0].name }
    let biasName = names.count > 1 ? names[1] : title + "_bias"
    return [
      try exporter.constant(
        names[0], arrange(weights.weight), weights.scales.isEmpty ? .float32 : .int8, weights.scales,
        axis: outputAxis),
      try exporter.constant(
        biasName, weights.bias, weights.scales.isEmpty ? .float32 : .int32, weights.biasScales, axis: 0),
    ]
  }

  // MARK: Convolution

  func convolution(_ op: Conv2d) throws -> Int {
    let (x, kernel) = (inputShape(0), inputShape(1))
    let (input, padding) = try padded(op.window(kernel))
    let weights = try weights()
    let steps: FlatbufferFields = [
      0: .byte(padding), 1: .int32(op.stride.width), 2: .int32(op.stride.height),
    ]
    if op.groups == x[1], op.groups > 1 {
      let inputs = [input] + (try write(weights, outputAxis: 3) { try $0.permuted([1, 2, 3, 0]) })
      let more: FlatbufferFields = [
        3: .int32(kernel[0] / x[1]), 4: .byte(activation), 5: .int32(op.dilation.width),
        6: .int32(op.dilation.height),
      ]
      return add(
        "DEPTHWISE_CONV_2D", version: isQuantized ? 3 : op.dilation == 1 ? 1 : 2, inputs,
        (2, steps.merging(more) { $1 }))
    }
    let inputs = [input] + (try write(weights, outputAxis: 0) { try $0.permuted([0, 2, 3, 1]) })
    let more: FlatbufferFields = [
      3: .byte(activation), 4: .int32(op.dilation.width), 5: .int32(op.dilation.height),
    ]
    return add(
      "CONV_2D", version: op.groups > 1 ? 6 : isQuantized ? 3 : 1, inputs, (1, steps.merging(more) { $1 }))
  }

  /// The image that a window without padding slides over, or the image itself and TensorFlow's SAME padding: the number
  /// of the padding is 0 for SAME, 1 for none.
  private func padded(_ window: Window2d) throws -> (place: Int, padding: Int) {
    let (x, p) = (inputShape(0), window.padding)
    if p == 0 { return (try input(0), 1) }
    if p == Self.same(window, over: x) { return (try input(0), 0) }
    let shape: Shape = [x[0], x[1], x[2] + p.top + p.bottom, x[3] + p.left + p.right]
    let pads = exporter.integers([0, 0, p.top, p.bottom, p.left, p.right, 0, 0], "pads", shape: [4, 2])
    let place = result(isQuantized ? grids[0] : nil, shape: shape, "_padded")
    exporter.content.add("PAD", version: isQuantized ? 2 : 1, [try input(0), pads], place)
    return (place, 1)
  }

  /// TensorFlow puts the odd pixel behind.
  private static func same(_ window: Window2d, over x: Shape) -> Padding2d {
    func pads(_ extent: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> (Int, Int) {
      let total = max(0, ((extent + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - extent)
      return (total / 2, total - total / 2)
    }
    let (top, bottom) = pads(x[2], window.kernel.height, window.stride.height, window.dilation.height)
    let (left, right) = pads(x[3], window.kernel.width, window.stride.width, window.dilation.width)
    return Padding2d(top: top, left: left, bottom: bottom, right: right)
  }

  // MARK: Pooling

  func pooling(_ name: String, _ window: Window2d, padsWithZeros: Bool) throws -> Int {
    try require(window.dilation == 1, "tflite", "TFLite has no pooling with a dilation")
    let isSame = window.padding == Self.same(window, over: inputShape(0))
    try require(
      window.padding == 0 || isSame != padsWithZeros, "tflite",
      "TFLite pools without padding, or with the padding it calls SAME, which is not counted; put a padding layer "
        + "before it")
    let (input, padding) = try padded(window)
    return add(
      name, [input],
      (
        5,
        [
          0: .byte(padding), 1: .int32(window.stride.width), 2: .int32(window.stride.height),
          3: .int32(window.kernel.width), 4: .int32(window.kernel.height), 5: .byte(activation),
        ]
      ), native: grids.first)
  }

  // MARK: Linear layers

  func fullyConnected() throws -> Int {
    try require(
      inputShape(0).rank == 2, "tflite", "linear layers of [N, features] are written, got \(inputShape(0))")
    let image = exporter.images[reads[0]]
    let inputs = [try input(0)] + (try write(weights(), outputAxis: 0) { try ordered($0, like: image) })
    return add(
      "FULLY_CONNECTED", version: isQuantized ? 12 : 1, inputs, (8, [0: .byte(activation)]))
  }

  /// Columns for features that lie as C, H, W become those for H, W, C.
  private func ordered(_ weight: Tensor, like image: Shape?) throws -> Tensor {
    guard let image else { return weight }
    let columns = try weight.reshaped([weight.shape[0], image[1], image[2], image[3]])
    return try columns.permuted([0, 2, 3, 1]).contiguous().reshaped(weight.shape)
  }
}
