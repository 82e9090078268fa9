import CKernels

/// Two-dimensional transposed convolution: the gradient of a convolution with respect to its input, as an
/// operation of its own (Dumoulin and Visin, "A guide to convolution arithmetic", 2016, section 4). ONNX
/// ConvTranspose.
///
/// Inputs: `x` [N, C, H, W], `weight` [C, O / groups, kh, kw], optionally `bias` [O]; one type, f32 or f64. The
/// result [N, O, OH, OW] lies channels-last in f32, with
/// `OH = (H - 1) stride - top - bottom + dilation (kh - 1) + output_padding + 1`.
public struct ConvTranspose2d: Op {
  public static let name = "conv_transpose2d"
  public let stride: Size2d
  public let padding: Padding2d
  /// Rows and columns added at the bottom and the right of the result, fewer than the stride: they tell apart the
  /// input sizes that a convolution with this stride maps to the same size.
  public let outputPadding: Size2d
  public let dilation: Size2d
  public let groups: Int

  public init(
    stride: Size2d = 1, padding: Padding2d = 0, outputPadding: Size2d = 0, dilation: Size2d = 1,
    groups: Int = 1
  ) {
    (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
    (self.dilation, self.groups) = (dilation, groups)
  }

  /// The convolution from the result to the input whose gradient this is.
  private var convolution: Conv2d {
    Conv2d(stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    let (x, weight) = (s[0], s[1])
    try requireImages(x)
    try require(weight.rank == 4, "weight must be [C, O / groups, kh, kw], got \(weight)")
    try requireTransposedChannels(s, groups: groups)
    try convolution.window(weight).check(for: name)
    try requireOutputPadding(outputPadding.height, stride.height)
    try requireOutputPadding(outputPadding.width, stride.width)
    let reach = convolution.window(weight).reach
    func extent(_ x: Int, _ stride: Int, _ padding: Int, _ reach: Int, _ more: Int) -> Int {
      (x - 1) * stride - padding + reach + more
    }
    let (height, width) = (
      extent(x[2], stride.height, padding.top + padding.bottom, reach.height, outputPadding.height),
      extent(x[3], stride.width, padding.left + padding.right, reach.width, outputPadding.width)
    )
    try require(
      x[2] > 0 && x[3] > 0 && height > 0 && width > 0,
      "input \(x) is too small: the padding leaves a result of \(max(height, 0)) x \(max(width, 0)) pixels")
    return try Shape(checking: [x[0], weight[1] * groups, height, width], for: name)
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let image = try Tensor.ofShape(context.shape, context.dtype)
    let gradients = try convolution.backward(t[0], Record(inputs: [image, t[1]], needs: [true, false]))
    guard let y = gradients[0] else { preconditionFailure("a convolution gives the gradient asked for") }
    if t.count > 2 { add(try t[2].contiguous(), toChannelsOf: y) }
    return y
  }

  private func add(_ bias: Tensor, toChannelsOf y: Tensor) {
    if y.dtype == .f32 {
      qk_f32_add(y.count / bias.count, bias.count, y.floats, bias.count, 1, bias.floats, 0, 1, y.floats)
    } else {
      Add().fill(y, bias.view([bias.count, 1, 1], strides: [1, 0, 0]), into: y)
    }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, weight) = (record.inputs[0], record.inputs[1])
    var result = [Tensor?](repeating: nil, count: record.inputs.count)
    if record.needs[0] { result[0] = try convolution.evaluate(dy, weight) }
    if record.needs[1] {
      result[1] = try convolution.backward(x, Record(inputs: [dy, weight], needs: [false, true]))[1]
    }
    if record.inputs.count > 2, record.needs[2] { result[2] = try Sum(axes: [0, 2, 3]).evaluate(dy) }
    return result
  }

  public func cost(of inputs: [Shape], output: Shape) -> Cost {
    Cost(macsOf: inputs[0].elements, inputs[1].dropFirst().reduce(1, *))
  }
}

extension Op {
  /// Refuses an input [N, C, ...], a weight [C, O / groups, ...] and a bias [O] of a transposed convolution whose
  /// channels do not fit together.
  func requireTransposedChannels(_ s: [Shape], groups: Int) throws {
    let (x, weight) = (s[0], s[1])
    try require(groups >= 1, "groups must be positive (got \(groups))")
    try require(
      x[1] > 0 && x[1] % groups == 0,
      "input \(x) has \(x[1]) channels, which do not divide into \(groups) groups")
    try require(
      x[1] == weight[0], "input \(x) has \(x[1]) channels, weight \(weight) expects \(weight[0])")
    try require(weight[1] > 0, "weight \(weight) has no output channels")
    if s.count > 2 {
      try require(
        s[2] == [weight[1] * groups],
        "bias \(s[2]) must have one element for each of the \(weight[1] * groups) output channels")
    }
  }

  func requireOutputPadding(_ padding: Int, _ stride: Int) throws {
    try require(
      padding >= 0 && padding < stride,
      "output_padding must be at least 0 and smaller than the stride \(stride) (got \(padding))")
  }
}

extension Tensor {
  /// A tensor of which only the shape and type matter: one element stands for all.
  fileprivate static func ofShape(_ shape: Shape, _ dtype: DType) throws -> Tensor {
    try Tensor.scalar(0, dtype).view(shape, strides: Strides(repeating: 0, rank: shape.rank))
  }
}
