import Models
import Tensors

extension TFLiteImporter {
  /// Adds the nodes of one operator.
  func importOperator(_ op: TFLiteOperator) throws {
    guard op.outputs.count == 1, !op.inputs.isEmpty else {
      throw TFLiteRefusal("has \(op.outputs.count) outputs; operators with one are read")
    }
    guard op.takesItsInputs else { throw TFLiteRefusal("has \(op.inputs.count) inputs") }
    try requireUnwritten(op)
    let title = model.tensors[op.outputs[0]].name
    func apply(_ operation: any Op, _ places: [Int]) throws -> Graph.ID {
      try emit(operation, places.map(value), title)
    }
    var result: Graph.ID
    switch op.name {
    case "ADD": result = try activated(emit(Add(), operands(op), title), op, field: 0, title)
    case "SUB": result = try activated(emit(Sub(), operands(op), title), op, field: 0, title)
    case "MUL": result = try activated(emit(Mul(), operands(op), title), op, field: 0, title)
    case "CONV_2D": result = try convolution(op, .dense, title)
    case "DEPTHWISE_CONV_2D": result = try convolution(op, .depthwise, title)
    case "FULLY_CONNECTED": result = try fullyConnected(op, title)
    case "AVERAGE_POOL_2D":
      result = try pooling(op, title) { AvgPool2d($0, countIncludePad: false) }
    case "MAX_POOL_2D": result = try pooling(op, title) { MaxPool2d($0) }
    case "RELU": result = try apply(Relu(), op.inputs)
    case "RELU6": result = try apply(Clip.relu6, op.inputs)
    case "LOGISTIC": result = try apply(Sigmoid(), op.inputs)
    case "TANH": result = try apply(Tanh(), op.inputs)
    case "HARD_SWISH": result = try apply(HardSwish(), op.inputs)
    case "SOFTMAX":
      guard try op.options?.float(0, default: 1) ?? 1 == 1 else {
        throw TFLiteRefusal("has a beta other than 1")
      }
      let x = try value(op.inputs[0])
      result = try emit(Softmax(axis: axis(-1, of: x)), [x], title)
    case "CONCATENATION":
      let first = try value(op.inputs[0])
      let place = Int(try op.options?.integer(0, Int32.self) ?? 0)
      result = try activated(apply(Concat(axis: axis(place, of: first)), op.inputs), op, field: 1, title)
    case "MEAN": result = try mean(op, title)
    case "PAD": result = try pad(op, title)
    case "TRANSPOSE": result = try transpose(op, title)
    case "RESHAPE", "SQUEEZE": result = try reshape(op, title)
    // Their results are put on the grid of the output, or are real already.
    case "QUANTIZE", "DEQUANTIZE":
      if noteStored(op) { return }
      result = try value(op.inputs[0])
    default: throw TFLiteRefusal("the operator is not supported")
    }
    try finish(op, result)
  }

  /// What is added or multiplied, in our layout: a constant of fewer dimensions than the image it meets has the file's
  /// last ones, channels last.
  private func operands(_ op: TFLiteOperator) throws -> [Graph.ID] {
    guard model.tensors[op.outputs[0]].shape.count == 4 else { return try op.inputs.map(value) }
    return try op.inputs.map { place in
      guard place >= 0, (1...3).contains(model.tensors[place].shape.count) else { return try value(place) }
      guard isStored(place) else {
        throw TFLiteRefusal("meets an image with \(model.tensors[place].shape.count) computed dimensions")
      }
      let real = try constant(place)
      let image = try real.reshaped(Shape([Int](repeating: 1, count: 4 - real.rank) + real.shape))
        .permuted([0, 3, 1, 2]).contiguous()
      return graph.add(
        model.tensors[place].name, .leaf(Parameter(image, role: .constant)), shape: image.shape,
        dtype: image.dtype)
    }
  }

  /// Where an axis of the file's layout is in ours.
  private func axis(_ axis: Int, of id: Graph.ID) throws -> Int {
    let rank = graph[id].shape.rank
    let place = axis < 0 ? axis + rank : axis
    guard (0..<max(rank, 1)).contains(place) else {
      throw TFLiteRefusal("axis \(axis) lies outside of \(rank) dimensions")
    }
    return rank == 4 ? [0, 2, 3, 1][place] : place
  }

  private func activated(_ x: Graph.ID, _ op: TFLiteOperator, field: Int, _ title: String) throws -> Graph.ID
  {
    switch try op.options?.integer(field, UInt8.self) ?? 0 {
    case 0: return x
    case 1: return try emit(Relu(), [x], title)
    case 2: return try emit(Clip(-1, 1, isOpen: true), [x], title)
    case 3: return try emit(Clip.relu6, [x], title)
    case 4: return try emit(Tanh(), [x], title)
    default: throw TFLiteRefusal("has an activation that is not supported")
    }
  }

  // MARK: Windows

  private func options(_ op: TFLiteOperator) throws -> FlatbufferTable {
    guard let options = op.options else { throw TFLiteRefusal("has no options") }
    return options
  }

  /// TensorFlow's SAME padding puts the odd pixel behind.
  private func window(_ x: Graph.ID, kernel: Size2d, stride: Size2d, dilation: Size2d, isSame: Bool) throws
    -> Window2d
  {
    let shape = graph[x].shape
    guard shape.rank == 4, stride.height > 0, stride.width > 0 else {
      throw TFLiteRefusal("needs images and a positive stride")
    }
    func pads(_ extent: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> (Int, Int) {
      if !isSame { return (0, 0) }
      let total = max(0, ((extent + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - extent)
      return (total / 2, total - total / 2)
    }
    let (top, bottom) = pads(shape[2], kernel.height, stride.height, dilation.height)
    let (left, right) = pads(shape[3], kernel.width, stride.width, dilation.width)
    return Window2d(
      kernel: kernel, stride: stride, padding: Padding2d(top: top, left: left, bottom: bottom, right: right),
      dilation: dilation)
  }

  private func size(_ options: FlatbufferTable, height: Int, width: Int, default value: Int32 = 0) throws
    -> Size2d
  {
    Size2d(
      Int(try options.integer(height, Int32.self, default: value)),
      Int(try options.integer(width, Int32.self, default: value)))
  }

  /// The two operators differ in how weights lie and in where their options stand.
  private struct ConvolutionForm {
    /// Of the weight's dimensions.
    let order: [Int]
    let dilationHeight, dilationWidth, activation: Int

    /// Weights [outputs, kh, kw, inputs of a group].
    static let dense = ConvolutionForm(
      order: [0, 3, 1, 2], dilationHeight: 5, dilationWidth: 4, activation: 3)
    /// Weights [1, kh, kw, channels * multiplier].
    static let depthwise = ConvolutionForm(
      order: [3, 0, 1, 2], dilationHeight: 6, dilationWidth: 5, activation: 4)
  }

  private func convolution(_ op: TFLiteOperator, _ form: ConvolutionForm, _ title: String) throws -> Graph.ID
  {
    let (options, x) = (try options(op), try value(op.inputs[0]))
    let weight = try weight(op.inputs[1], order: form.order)
    let shape = graph[weight].shape
    let window = try window(
      x, kernel: Size2d(shape[2], shape[3]), stride: size(options, height: 2, width: 1),
      dilation: size(options, height: form.dilationHeight, width: form.dilationWidth, default: 1),
      isSame: options.integer(0, Int8.self) == 0)
    let channels = graph[x].shape[1]
    guard shape[1] > 0, channels >= shape[1], channels % shape[1] == 0 else {
      throw TFLiteRefusal("\(channels) channels do not fit its weight")
    }
    let convolution = Conv2d(
      stride: window.stride, padding: window.padding, dilation: window.dilation, groups: channels / shape[1])
    return try activated(
      emit(convolution, [x, weight] + biases(op), title), op, field: form.activation, title)
  }

  private func biases(_ op: TFLiteOperator) throws -> [Graph.ID] {
    op.inputs.count > 2 && op.inputs[2] >= 0 ? [try bias(op.inputs[2])] : []
  }

  private func pooling(_ op: TFLiteOperator, _ title: String, _ pool: (Window2d) -> any Op) throws -> Graph.ID
  {
    let (options, x) = (try options(op), try value(op.inputs[0]))
    let window = try window(
      x, kernel: size(options, height: 4, width: 3), stride: size(options, height: 2, width: 1), dilation: 1,
      isSame: options.integer(0, Int8.self) == 0)
    return try activated(emit(pool(window), [x], title), op, field: 5, title)
  }

  // MARK: Others

  /// A constant input as integers.
  private func numbers(_ op: TFLiteOperator, _ i: Int) throws -> [Int] {
    guard let values = try constant(op.inputs.count > i ? op.inputs[i] : -1).exactIntegers() else {
      throw TFLiteRefusal("has numbers that are no integers where it needs some")
    }
    return values
  }

  private func fullyConnected(_ op: TFLiteOperator, _ title: String) throws -> Graph.ID {
    var x = try value(op.inputs[0])
    let weight = try weight(op.inputs[1], order: [0, 1])
    let features = graph[weight].shape[1]
    guard try op.options?.integer(1, Int8.self) ?? 0 == 0 else {
      throw TFLiteRefusal("has weights in a shuffled format")
    }
    let (rank, keepsDims) = (graph[x].shape.rank, try op.options?.flag(2) ?? false)
    if keepsDims && rank == 4 {
      x = try emit(Transpose([0, 2, 3, 1]), [x], title)
    } else if rank != 2 && !keepsDims {
      x = try rows(x, of: features, title)
    }
    var y = try emit(Linear(), [x, weight] + biases(op), title)
    if keepsDims && rank == 4 { y = try emit(Transpose([0, 3, 1, 2]), [y], title) }
    return try activated(y, op, field: 0, title)
  }

  /// Any tensor as rows of so many numbers, in the file's order.
  private func rows(_ x: Graph.ID, of features: Int, _ title: String) throws -> Graph.ID {
    let shape = graph[x].shape
    if shape.rank == 4 && shape[2] * shape[3] == 1 && shape[1] == features {
      return try emit(Flatten(), [x], title)
    }
    let ordered = shape.rank == 4 ? try emit(Transpose([0, 2, 3, 1]), [x], title) : x
    return try emit(Reshape([-1, features]), [ordered], title)
  }

  private func reshape(_ op: TFLiteOperator, _ title: String) throws -> Graph.ID {
    let x = try value(op.inputs[0])
    let target = model.tensors[op.outputs[0]].shape
    guard let features = target.last, features > 0 else { throw TFLiteRefusal("has an empty shape") }
    if target.count == 2 { return try rows(x, of: features, title) }
    let shape = graph[x].shape
    if Array(TFLiteImporter.channelsFirst(Shape(target))) == shape.dims { return x }
    let ordered = shape.rank == 4 ? try emit(Transpose([0, 2, 3, 1]), [x], title) : x
    let reshaped = try emit(Reshape([-1] + target.dropFirst()), [ordered], title)
    return target.count == 4 ? try emit(Transpose([0, 3, 1, 2]), [reshaped], title) : reshaped
  }

  private func mean(_ op: TFLiteOperator, _ title: String) throws -> Graph.ID {
    let x = try value(op.inputs[0])
    let axes = try numbers(op, 1).map { try axis($0, of: x) }.sorted()
    let keep = try op.options?.flag(0) ?? false
    if graph[x].shape.rank == 4, axes == [2, 3] {
      let y = try emit(GlobalAvgPool2d(), [x], title)
      return keep ? y : try emit(Flatten(), [y], title)
    }
    // Height or width before the channels in the file, behind them here.
    guard keep || graph[x].shape.rank != 4 || axes.contains(1) || axes.contains(2) && axes.contains(3) else {
      throw TFLiteRefusal("leaves dimensions that would change places; keep_dims = true is read")
    }
    return try emit(Mean(axes: axes, keepDims: keep), [x], title)
  }

  private func pad(_ op: TFLiteOperator, _ title: String) throws -> Graph.ID {
    let x = try value(op.inputs[0])
    let rank = graph[x].shape.rank
    let pads = try numbers(op, 1)
    guard pads.count == 2 * rank, pads.allSatisfy({ (0...Shape.maximumCount).contains($0) }) else {
      throw TFLiteRefusal("has pads that do not fit")
    }
    var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
    for i in 0..<rank {
      let place = try axis(i, of: x)
      (before[place], after[place]) = (pads[2 * i], pads[2 * i + 1])
    }
    return try emit(Pad(before: before, after: after), [x], title)
  }

  private func transpose(_ op: TFLiteOperator, _ title: String) throws -> Graph.ID {
    let x = try value(op.inputs[0])
    let rank = graph[x].shape.rank
    let order = try numbers(op, 1)
    guard order.sorted() == Array(0..<rank) else { throw TFLiteRefusal("has an order that does not fit") }
    var permutation = [Int](repeating: 0, count: rank)
    for (i, from) in order.enumerated() { permutation[try axis(i, of: x)] = try axis(from, of: x) }
    return try emit(Transpose(permutation), [x], title)
  }
}
