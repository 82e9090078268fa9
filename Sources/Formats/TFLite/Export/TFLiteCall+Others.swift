import Compression
import Models
import Tensors

/// The choice of the operator, and those without weights.
extension TFLiteCall {
  /// Writes the node; returns the tensor of its result.
  func write() throws -> Int {
    switch operation {
    case let op as QuantizeLinear:
      guard let grid = op.result else { preconditionFailure("it quantizes to something") }
      return converted(try exporter.tensor(reads[0]), to: grid)
    case is DequantizeLinear: return try exporter.tensor(reads[0])
    default: break
    }
    switch op {
    case let op as Conv2d: return try convolution(op)
    case is Linear: return try fullyConnected()
    case let op as MaxPool2d: return try pooling("MAX_POOL_2D", op.window, padsWithZeros: false)
    case let op as AvgPool2d:
      return try pooling("AVERAGE_POOL_2D", op.window, padsWithZeros: op.countIncludePad)
    case is GlobalAvgPool2d: return try mean([2, 3], keepDims: true)
    case let op as Mean: return try mean(op.axes, keepDims: op.keepDims)
    case is Add: return add("ADD", try operands(), (11, [0: .byte(activation)]))
    case is Sub: return add("SUB", try operands(), (28, [0: .byte(activation)]))
    case is Mul: return add("MUL", try operands(), (21, [0: .byte(activation)]))
    case let op as Concat: return try concatenation(op)
    case let op as Pad: return try padding(op)
    case is Flatten, is Reshape: return try reshape()
    case let op as Softmax: return try softmax(op)
    default: return try function()
    }
  }

  private func function() throws -> Int {
    let x = try [input(0)]
    switch op {
    case is Relu: return add("RELU", x)
    case let op as Clip where op.lowest == 0 && op.highest == 6: return add("RELU6", x)
    case let op as Clip where op.lowest == 0 && op.highest == .infinity: return add("RELU", x)
    case is HardSwish: return add("HARD_SWISH", version: 1, x)
    case is Sigmoid: return add("LOGISTIC", x, native: QuantParams(scale: 1 / 256, zeroPoint: 0))
    case is Tanh: return add("TANH", x, native: QuantParams(scale: 1 / 128, zeroPoint: 128))
    default:
      throw ShapeError(
        "tflite", "the operation has no TFLite form; convolutional and fully connected networks are written")
    }
  }

  // MARK: Several inputs

  private func operands() throws -> [Int] {
    try reads.indices.map { i in
      let rank = inputShape(i).rank
      guard shape.rank == 4, rank < 4, rank > 0 else { return try input(i) }
      // A stored row is broadcast along the graph's dimensions, which lie elsewhere in the file.
      let value = try leaf(i).value
      let image = try value.reshaped(Shape([Int](repeating: 1, count: 4 - rank) + value.shape.dims))
      return try exporter.constant(
        exporter.graph[reads[i]].name, image.permuted([0, 2, 3, 1]), .float32)
    }
  }

  private func concatenation(_ op: Concat) throws -> Int {
    let axis = shape.rank == 4 ? [0, 3, 1, 2][op.axis] : op.axis
    let inputs = try reads.indices.map { i in
      let x = try input(i)
      return grid.map { converted(x, to: $0, "_part\(i + 1)") } ?? x
    }
    return add("CONCATENATION", inputs, (10, [0: .int32(axis), 1: .byte(0)]))
  }

  // MARK: Shapes

  private func mean(_ axes: [Int], keepDims: Bool) throws -> Int {
    let rank = inputShape(0).rank
    let axes = axes.sorted()
    try require(
      rank != 4 || keepDims || axes == [2, 3] || axes == [1] || axes == [1, 2, 3], "tflite",
      "the dimensions left would change places; keep the reduced ones")
    let places = rank == 4 ? axes.map { [0, 3, 1, 2][$0] }.sorted() : axes
    return add(
      "MEAN", [try input(0), exporter.integers(places, "axes")], (27, [0: .byte(keepDims ? 1 : 0)]))
  }

  private func padding(_ op: Pad) throws -> Int {
    try require(
      op.mode == .constant && op.value == 0, "tflite", "padding with zeros is written, no other kind")
    let order = shape.rank == 4 ? [0, 2, 3, 1] : Array(shape.indices)
    let pads = order.flatMap { [op.before[$0], op.after[$0]] }
    return add("PAD", [try input(0), exporter.integers(pads, "pads", shape: [shape.rank, 2])])
  }

  private func softmax(_ op: Softmax) throws -> Int {
    try require(
      op.axis == (shape.rank == 4 ? 1 : shape.rank - 1), "tflite",
      "softmax over the features is written, got dimension \(op.axis + 1) of \(shape)")
    return add("SOFTMAX", [try input(0)], (9, [0: .float(1)]))
  }

  /// To [N, features]. The order of an image's numbers is left to the linear layers that read them; for others the image
  /// is turned over first.
  private func reshape() throws -> Int {
    let from = inputShape(0)
    try require(
      shape.rank == 2 && shape[0] == from[0], "tflite",
      "a change of shape to [N, features] is written, got \(from) to \(shape)")
    var x = try input(0)
    let isMoved = from.rank == 4 && from[1] > 1 && from[2] * from[3] > 1
    if isMoved, isReadByLinearLayersOnly {
      exporter.images[id] = from
    } else if isMoved {
      let turned = exporter.content.add(
        TFLiteSpec(
          name: title + "_nchw", shape: from.dims, kind: exporter.content.specs[x].kind,
          scales: exporter.content.specs[x].scales, zeroPoint: exporter.content.specs[x].zeroPoint))
      exporter.content.add(
        "TRANSPOSE", version: isQuantized ? 2 : 1, [x, exporter.integers([0, 3, 1, 2], "to_nchw")], turned)
      x = turned
    }
    return add("RESHAPE", version: 1, [x, exporter.integers([-1, shape[1]], "shape")])
  }

  private var isReadByLinearLayersOnly: Bool {
    let users = exporter.graph.users(of: id)
    return !users.isEmpty && !exporter.graph.outputs.contains(id)
      && users.allSatisfy { user in
        guard let (op, reads) = exporter.graph.operation(user) else { return false }
        return (op is Linear || op is QuantizedLinear) && reads[0] == id
      }
  }
}
