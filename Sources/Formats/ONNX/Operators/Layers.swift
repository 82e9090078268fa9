import Models
import Tensors

/// Convolution, pooling and matrix products.
extension OnnxOperator {
  static let layers: [String: OnnxOperator] = [
    "Conv": OnnxOperator { c in try convolution(c) },
    "MaxPool": OnnxOperator { c in
      try pooling(c) { window, _ in MaxPool2d(window) }
    },
    "AveragePool": OnnxOperator { c in
      let counts = try c.flag("count_include_pad")
      return try pooling(c) { window, isWidened in
        try c.require(!isWidened || !counts, "ceil_mode together with count_include_pad")
        return AvgPool2d(window, countIncludePad: counts)
      }
    },
    "GlobalAveragePool": OnnxOperator { c in try overPixels(c) { Mean(axes: $0, keepDims: true) } },
    "GlobalMaxPool": OnnxOperator { c in try overPixels(c) { Max(axes: $0, keepDims: true) } },
    "Gemm": OnnxOperator { c in try gemm(c) },
    "MatMul": OnnxOperator { c in try matmul(c) },
  ]

  // MARK: Windows

  private static func convolution(_ c: OnnxCall) throws -> OnnxValue {
    try convolved(c, [c.input(0), c.input(1)] + (c.has(2) ? [c.input(2)] : []))
  }

  /// The convolution that the attributes describe, of input, weight and perhaps bias; of sequences as of images one
  /// pixel high.
  static func convolved(_ c: OnnxCall, _ operands: [OnnxValue]) throws -> OnnxValue {
    let rank = try c.shape(operands[0]).rank
    try c.require(
      rank == 3 || rank == 4, "works on one or two spatial dimensions, got \(try c.shape(operands[0]))")
    var operands = operands
    let kernel = Array(try c.shape(operands[1]).dropFirst(2))
    if rank == 3 { for i in 0...1 { operands[i] = try c.emit(Unsqueeze(axis: 2), operands[i]) } }
    let (window, _) = try window(c, kernel: kernel, over: operands[0])
    let op = Conv2d(
      stride: window.stride, padding: window.padding, dilation: window.dilation, groups: try c.int("group", 1)
    )
    let y = try c.emit(op, operands)
    return rank == 4 ? y : try c.emit(Squeeze(axis: 2), y)
  }

  private static func pooling(_ c: OnnxCall, _ op: (Window2d, _ isWidened: Bool) throws -> any Op) throws
    -> OnnxValue
  {
    let x = try c.input(0)
    let rank = try c.shape(x).rank
    try c.require(rank == 3 || rank == 4, "works on one or two spatial dimensions, got \(try c.shape(x))")
    guard let kernel = try c.ints("kernel_shape") else { throw OnnxRefusal("has no kernel_shape") }
    let image = rank == 4 ? x : try c.emit(Unsqueeze(axis: 2), x)
    let (window, isWidened) = try window(c, kernel: kernel, over: image)
    let y = try c.emit(op(window, isWidened), image)
    return rank == 4 ? y : try c.emit(Squeeze(axis: 2), y)
  }

  /// No window is larger, nor its steps: the same as in `Window2d`.
  private static let largestWindow = 1 << 20

  /// The window the attributes describe, in one dimension as one of height 1. With `ceil_mode` the padding grows so
  /// that the last, incomplete step fits.
  ///
  /// - Parameter isPadded: whether `auto_pad` says how the image is padded; for a transposed convolution it does not.
  static func window(
    _ c: OnnxCall, kernel: [Int], over image: OnnxValue, isPadded: Bool = true
  ) throws -> (Window2d, isWidened: Bool) {
    let n = kernel.count
    try c.require(n == 1 || n == 2, "has a kernel of \(n) dimensions")
    let (strides, dilations) = (try c.ints("strides") ?? [], try c.ints("dilations") ?? [])
    let shape = try c.shape(image)
    var pads = try c.ints("pads") ?? []
    if pads.isEmpty { pads = [Int](repeating: 0, count: 2 * n) }
    try c.require(
      (strides.isEmpty || strides.count == n) && (dilations.isEmpty || dilations.count == n)
        && pads.count == 2 * n,
      "strides, dilations and pads do not fit a kernel of \(n) dimensions")
    try c.require(
      (kernel + strides + dilations).allSatisfy { (1...largestWindow).contains($0) }
        && pads.allSatisfy { (0...largestWindow).contains($0) },
      "kernel, strides and dilations must be from 1 to \(largestWindow), pads from 0")
    let mode = isPadded ? try c.string("auto_pad", "NOTSET") : "NOTSET"
    var isWidened = false
    for i in 0..<n {
      let (extent, stride) = (shape[4 - n + i], strides.isEmpty ? 1 : strides[i])
      let span = (dilations.isEmpty ? 1 : dilations[i]) * (kernel[i] - 1) + 1
      switch mode {
      case "NOTSET": break
      case "VALID": (pads[i], pads[i + n]) = (0, 0)
      case "SAME_UPPER", "SAME_LOWER":
        try OnnxOperator.fixed(c, [extent])
        let total = max(0, ((extent + stride - 1) / stride - 1) * stride + span - extent)
        (pads[i], pads[i + n]) =
          mode == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
      default: throw OnnxRefusal("attribute 'auto_pad' is '\(mode)'")
      }
      if try c.flag("ceil_mode") {
        try OnnxOperator.fixed(c, [extent])
        let over = extent + pads[i] + pads[i + n] - span
        var steps = (over + stride - 1) / stride
        if steps * stride >= extent + pads[i] { steps -= 1 }
        let more = steps * stride - over
        isWidened = isWidened || more > 0
        pads[i + n] += max(0, more)
      }
    }
    func both(_ values: [Int]) -> Size2d {
      values.isEmpty ? 1 : n == 2 ? Size2d(values[0], values[1]) : Size2d(1, values[0])
    }
    let padding =
      n == 2
      ? Padding2d(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3])
      : Padding2d(top: 0, left: pads[0], bottom: 0, right: pads[1])
    return (
      Window2d(kernel: both(kernel), stride: both(strides), padding: padding, dilation: both(dilations)),
      isWidened
    )
  }

  private static func overPixels(_ c: OnnxCall, _ op: ([Int]) -> any Op) throws -> OnnxValue {
    let x = try c.input(0)
    let rank = try c.shape(x).rank
    try c.require(rank > 2, "needs images, got \(try c.shape(x))")
    if c.node.operation == "GlobalAveragePool", rank == 4 { return try c.emit(GlobalAvgPool2d(), x) }
    return try c.emit(op(Array(2..<rank)), x)
  }

  // MARK: Matrices

  /// A linear layer where B is a stored matrix; its weight is B turned, which is no copy where the file has it turned
  /// already.
  private static func matmul(_ c: OnnxCall) throws -> OnnxValue {
    let (a, b) = (try c.input(0), try c.input(1))
    guard a.constant == nil, let stored = b.constant, stored.name != nil,
      try c.shape(b).rank == 2 && c.shape(a).rank > 1 && c.dtype(b).isFloatingPoint,
      try keepsPromise(stored)
    else { return try c.emit(MatMul(), a, b) }
    return try c.emit(Linear(), a, turned(c, b))
  }

  /// `alpha A' B' + beta C`; a linear layer where B is stored and nothing is scaled.
  private static func gemm(_ c: OnnxCall) throws -> OnnxValue {
    let (alpha, beta) = (try c.float("alpha", 1), try c.float("beta", 1))
    let (a, b) = (try c.input(0), try c.input(1))
    let (flipA, flipB) = (try c.flag("transA"), try c.flag("transB"))
    try c.require(try c.shape(a).rank == 2 && c.shape(b).rank == 2, "needs matrices")
    if alpha == 1, beta == 1, !flipA, let stored = b.constant, try flipB || keepsPromise(stored),
      let bias = try rowBias(c, outputs: c.shape(b)[flipB ? 0 : 1])
    {
      let weight = flipB ? b : try turned(c, b)
      return try c.emit(Linear(), [a, weight] + bias)
    }
    var y = try c.emit(
      MatMul(), flipA ? c.emit(Transpose([1, 0]), a) : a, flipB ? c.emit(Transpose([1, 0]), b) : b)
    if alpha != 1 { y = try c.mul(y, c.scalar(alpha, like: y)) }
    guard c.has(2) else { return y }
    let bias = try c.input(2)
    return try c.add(y, beta == 1 ? bias : c.mul(bias, c.scalar(beta, like: bias)))
  }

  /// C as the bias of a linear layer: none, or one constant row; nil where it is something else.
  private static func rowBias(_ c: OnnxCall, outputs: Int) throws -> [OnnxValue]? {
    guard c.has(2) else { return [] }
    let bias = try c.input(2)
    let shape = try c.shape(bias)
    guard bias.constant != nil else { return nil }
    if shape == [outputs] { return [bias] }
    return shape == [1, outputs] ? [try moved(bias, to: [outputs]) { try c.reshape(bias, [outputs]) }] : nil
  }

  /// Whether a matrix can be turned without losing the scales it was quantized with.
  private static func keepsPromise(_ matrix: OnnxConstant) throws -> Bool {
    let shape = try matrix.tensor().shape
    return matrix.constraint == nil
      || matrix.promise(after: Transpose([1, 0]), Shape(shape.reversed())) != nil
  }

  private static func turned(_ c: OnnxCall, _ matrix: OnnxValue) throws -> OnnxValue {
    try moved(matrix, to: c.shape(matrix).reversed()) { try c.emit(Transpose([1, 0]), matrix) }
  }

  /// A constant turned or reshaped, under the name it has in the file and dense, so that it stays a weight; one for all
  /// nodes that read it so.
  private static func moved(_ original: OnnxValue, to shape: [Int], _ move: () throws -> OnnxValue) throws
    -> OnnxValue
  {
    guard let first = original.constant else { return try move() }
    if let known = first.moved[shape] { return .constant(known) }
    guard let result = try move().constant else { preconditionFailure("of constants alone comes a constant") }
    let weight = OnnxConstant(try result.tensor().contiguous(), name: first.name)
    weight.constraint = result.constraint
    first.moved[shape] = weight
    return .constant(weight)
  }
}
