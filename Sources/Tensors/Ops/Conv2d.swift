import CKernels
import COneDNN

/// Two-dimensional convolution (cross-correlation). ONNX Conv.
///
/// Inputs: `x` [N, C, H, W], `weight` [O, C / groups, kh, kw], optionally `bias` [O]; one type, f32 or f64.
/// The result [N, O, OH, OW] lies channels-last in f32, with
/// `OH = (H + top + bottom - dilation (kh - 1) - 1) / stride + 1`. With `relu`, which is never part of a captured
/// graph, relu follows while the result is near.
public struct Conv2d: Op {
  public static let name = "conv2d"
  public let stride: Size2d
  public let padding: Padding2d
  public let dilation: Size2d
  public let groups: Int
  public let relu: Bool

  public init(
    stride: Size2d = 1, padding: Padding2d = 0, dilation: Size2d = 1, groups: Int = 1, relu: Bool = false
  ) {
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
    self.relu = relu
  }

  public var keepsOutput: Bool { relu }

  public var withRelu: (any Op)? {
    Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups, relu: true)
  }

  /// The window for weights of this shape.
  public func window(_ weight: Shape) -> Window2d {
    Window2d(kernel: Size2d(weight[2], weight[3]), stride: stride, padding: padding, dilation: dilation)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    let (x, weight) = (s[0], s[1])
    try requireImages(x)
    try require(weight.rank == 4, "weight must be [O, C / groups, kh, kw], got \(weight)")
    try requireChannels(s, groups: groups)
    return try window(weight).shape(over: x, channels: weight[0], for: name)
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if context.dtype == .f64 {
      let y = try referenceForward(t, context.shape)
      return relu ? try Relu().evaluate(y) : y
    }
    let (x, weight) = (try t[0].channelsLast(), try t[1].contiguous())
    let bias = t.count > 2 ? try t[2].contiguous() : nil
    let y = try Tensor(undefined: context.shape, .f32, format: .channelsLast)
    if x !== t[0] { context.save(x) }
    if y.count == 0 { return y }
    if let winograd = WinogradConv2d(self, x.shape, weight.shape, y.shape) {
      try winograd.run(x, weight, .init(bias: bias, relu: relu), into: y)
    } else if bias == nil, let direct = DirectConv2d(self, x.shape, weight.shape, y.shape),
      direct.isQuickestForward
    {
      try direct.forward(x, weight, into: y)
      if relu { Relu.apply(y.count, y.floats) }
    } else {
      try divided(x.shape, weight.shape, y.shape) { geometry, source, result in
        defer { if relu { Relu.apply(Int(geometry.batch) * (y.count / y.shape[0]), y.floats + result) } }
        return od_conv2d_forward(
          &geometry, x.floats + source, weight.floats, bias?.floats, y.floats + result)
      }
    }
    return y
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let dy = relu ? try Relu.gradient(dy, through: record.output) : dy
    if dy.dtype == .f64 { return try referenceBackward(dy, record) }
    let (x, weight) = (record.inputs[0], try record.inputs[1].contiguous())
    let gradient = try dy.channelsLast()
    var result = [Tensor?](repeating: nil, count: record.inputs.count)
    if dy.count == 0 { return try record.inputs.map { try Tensor.zeros($0.shape, $0.dtype) } }
    if record.needs[0] { result[0] = try inputGradient(gradient, weight, x.shape) }
    let needsBias = record.inputs.count > 2 && record.needs[2]
    if record.needs[1] {
      let dw = try Tensor(undefined: weight.shape)
      let db = needsBias ? try Tensor(undefined: record.inputs[2].shape) : nil
      let source = try record.saved.first ?? x.channelsLast()
      if !needsBias, let direct = DirectConv2d(self, x.shape, weight.shape, dy.shape) {
        try direct.backwardWeights(source, gradient, into: dw)
      } else {
        try backwardWeights(source, gradient, into: dw, db)
      }
      result[1] = dw
      if needsBias { result[2] = db }
    } else if needsBias {
      result[2] = try Sum(axes: [0, 2, 3])(gradient)
    }
    return result
  }

  private func inputGradient(_ dy: Tensor, _ weight: Tensor, _ x: Shape) throws -> Tensor {
    let dx = try Tensor(undefined: x, .f32, format: .channelsLast)
    if let winograd = WinogradConv2d(gradientOf: self, x, weight.shape, dy.shape) {
      try winograd.run(dy, weight, turned: true, into: dx)
    } else {
      try divided(x, weight.shape, dy.shape) { geometry, source, result in
        od_conv2d_backward_data(&geometry, dy.floats + result, weight.floats, dx.floats + source)
      }
    }
    return dx
  }

  /// Calls oneDNN with the images divided among threads; `call` is told where those of each begin.
  private func divided(
    _ x: Shape, _ weight: Shape, _ y: Shape,
    _ call: (_ geometry: inout od_conv2d_shape, _ source: Int, _ result: Int) -> od_status
  ) throws {
    let whole = geometry(x, weight)
    let macs = cost(of: [x, weight], output: y).macs
    try ThreadTeam.divide(x[0], macs: macs) { images in
      var part = whole
      part.batch = Int64(images.count)
      let first = images.lowerBound
      try OneDNN.check(call(&part, first * (x.elements / x[0]), first * (y.elements / y[0])), name)
    }
  }

  /// Some images after the others make a part of the gradient each; the parts are added up in the images' order.
  /// How many they are depends on the shapes alone, so that the bits are the same for any number of threads.
  private func backwardWeights(_ x: Tensor, _ dy: Tensor, into dw: Tensor, _ db: Tensor?) throws {
    let macs = cost(of: [x.shape, dw.shape], output: dy.shape).macs
    let parts = gradientParts(dw.shape, dy.shape)
    let outputs = db?.count ?? 0
    let weights = parts == 1 ? dw : try Tensor(undefined: [parts, dw.count])
    let biases = parts == 1 ? db : try db.map { try Tensor(undefined: [parts, $0.count]) }
    let starts = (0..<parts).map { x.shape[0] * $0 / parts } + [x.shape[0]]
    let whole = geometry(x.shape, dw.shape)
    try ThreadTeam.run(parts: parts, threads: ThreadTeam.threads(macs: macs, parts: parts)) { part, _ in
      let first = starts[part]
      var images = whole
      images.batch = Int64(starts[part + 1] - first)
      try OneDNN.check(
        od_conv2d_backward_weights(
          &images, x.floats + first * (x.count / x.shape[0]), dy.floats + first * (dy.count / x.shape[0]),
          weights.floats + part * dw.count, biases.map { $0.floats + part * outputs }), name)
    }
    if parts == 1 { return }
    qk_f32_column_sum(parts, dw.count, weights.floats, dw.floats)
    if let db, let biases { qk_f32_column_sum(parts, outputs, biases.floats, db.floats) }
  }

  /// How many parts of the batch add up a gradient of weights of that shape each for itself, where `y` are the
  /// results. A part is worth waking a thread and calling a kernel, and sums each weight over so many pixels that
  /// writing and reading its own copy of the weights costs little: the more of them leave the caches, the more.
  func gradientParts(_ weight: Shape, _ y: Shape) -> Int {
    let pixels = y[0] * y[2] * y[3]
    let fewestPixels = min(max(512, weight.elements / 256), 2048)
    return max(
      1, min(8, y[0], pixels / fewestPixels, pixels * weight.elements / ThreadTeam.macsPerThread))
  }

  public func cost(of inputs: [Shape], output: Shape) -> Cost {
    Cost(macsOf: output.elements, inputs[1].dropFirst().reduce(1, *))
  }

  private func geometry(_ x: Shape, _ weight: Shape) -> od_conv2d_shape {
    od_conv2d_shape(
      batch: Int64(x[0]), channels: Int64(x[1]), height: Int64(x[2]), width: Int64(x[3]),
      out_channels: Int64(weight[0]), kernel_height: Int64(weight[2]), kernel_width: Int64(weight[3]),
      groups: Int64(groups), stride_height: Int64(stride.height), stride_width: Int64(stride.width),
      dilation_height: Int64(dilation.height), dilation_width: Int64(dilation.width),
      pad_top: Int64(padding.top), pad_left: Int64(padding.left), pad_bottom: Int64(padding.bottom),
      pad_right: Int64(padding.right), precision: Precision.kernels)
  }
}

extension Op {
  /// Refuses an input [N, C, ...], a weight [O, C / groups, ...] and a bias [O] of a convolution whose channels do
  /// not fit together.
  func requireChannels(_ s: [Shape], groups: Int) throws {
    let (x, weight) = (s[0], s[1])
    try require(groups >= 1, "groups must be positive (got \(groups))")
    try require(
      x[1] > 0 && x[1] % groups == 0,
      "input \(x) has \(x[1]) channels, which do not divide into \(groups) groups")
    try require(
      x[1] / groups == weight[1],
      "input \(x) has \(x[1]) channels, weight \(weight) expects \(weight[1])"
        + (groups == 1 ? "" : " in each of \(groups) groups"))
    try require(
      weight[0] > 0 && weight[0] % groups == 0,
      "weight \(weight) has \(weight[0]) output channels, which do not divide into \(groups) groups")
    if s.count > 2 {
      try require(
        s[2] == [weight[0]], "bias \(s[2]) must have one element per output channel of weight \(weight)")
    }
  }
}
