import CKernels
import Tensors

extension IntegerKernels {
  /// `a + b` of two u8 tensors of one shape, as u8 of `result`.
  public static func add(_ a: Tensor, _ b: Tensor, result: QuantParams) throws -> Tensor {
    let (first, second) = (try params(a, "a", "add"), try params(b, "b", "add"))
    return try combined(a, b, result, IntegerAdd(first, second, result, .unbounded, elements: a.count))
  }

  /// `a * b` of two u8 tensors of one shape, as u8 of `result`.
  public static func mul(_ a: Tensor, _ b: Tensor, result: QuantParams) throws -> Tensor {
    let (first, second) = (try params(a, "a", "mul"), try params(b, "b", "mul"))
    return try combined(a, b, result, IntegerMul(first, second, result, .unbounded, elements: a.count))
  }

  private static func combined(
    _ a: Tensor, _ b: Tensor, _ params: QuantParams, _ step: any IntegerStep
  ) throws -> Tensor {
    try require(
      a.shape == b.shape, type(of: step).kind, "shapes \(a.shape) and \(b.shape) differ")
    let y = try result(a.shape, params)
    try run(step, [try a.contiguous(), try b.contiguous()], y, batch: 1)
    return y
  }

  /// u8 tensors one after the other along the channels of [N, C, H, W], or the last dimension of others.
  public static func concat(_ tensors: [Tensor], result params: QuantParams) throws -> Tensor {
    let inputs = try tensors.enumerated().map { try self.params($1, "tensor \($0 + 1)", "concat") }
    let rank = tensors.first?.rank ?? 0
    let op = QuantizedConcat(Concat(axis: rank == 4 ? 1 : rank - 1), inputs, result: params)
    try require(rank > 1, "concat", "needs at least one tensor of two dimensions or more")
    let shapes = tensors.map(\.shape)
    let y = try result(op.shape(of: shapes), params, format: .channelsLast)
    try require(shapes.allSatisfy { $0.elements > 0 }, "concat", "a tensor has no elements")
    try run(
      op.step(shapes, weights: []), tensors.map { rank == 4 ? try $0.channelsLast() : try $0.contiguous() }, y
    )
    return y
  }

  /// `table[x]` of every byte: any function of one number.
  public static func lookup(_ x: Tensor, _ table: [UInt8], result: QuantParams? = nil) throws -> Tensor {
    try check(x, .u8, "x", "lookup")
    try require(table.count == 256, "lookup", "the table must have 256 bytes, got \(table.count)")
    let y = try Tensor(undefined: x.shape, .u8)
    try run(IntegerLookup(table, elements: x.count), [try x.contiguous()], y, batch: 1)
    return result.map(y.carrying) ?? y
  }

  /// A function of real numbers, through its table: `function` is given the 256 numbers that bytes of x stand for.
  public static func map(
    _ x: Tensor, result: QuantParams, _ function: (Tensor) throws -> Tensor
  ) throws -> Tensor {
    let input = try params(x, "x", "map")
    let grid = try Tensor([256], (0...255).map { input.dequantize(UInt8($0)) })
    let values = try Tape.withoutGradients { try function(grid) }
    try require(
      values.shape == [256] && values.dtype == .f32, "map",
      "the function made \(values.dtype) \(values.shape) of f32 [256]; it must work number by number")
    return try lookup(x, values.array(Float.self).map(result.quantize), result: result)
  }

  /// Softmax over the last dimension, as u8 of scale 1/256.
  public static func softmax(_ x: Tensor) throws -> Tensor {
    let input = try params(x, "x", "softmax")
    try require(x.rank > 0 && x.count > 0, "softmax", "needs at least one number, got \(x.shape)")
    let n = x.shape[x.rank - 1]
    let y = try result(x.shape, QuantizedSoftmax.probabilities)
    let step = try IntegerSoftmax(
      rows: x.count / n, length: n, inputScale: input.scale, result: QuantizedSoftmax.probabilities)
    try run(step, [try x.contiguous()], y, batch: 1)
    return y
  }

  /// Layer normalisation over the last dimension; weight and bias f32 [n]. f32 if `result` is left out.
  public static func layerNorm(
    _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, result params: QuantParams?
  ) throws -> Tensor {
    let input = try self.params(x, "x", "layer_norm")
    let n = x.shape.last ?? 0
    for (name, tensor) in [("weight", weight), ("bias", bias)] {
      try check(tensor, .f32, name, "layer_norm")
      try require(tensor.shape == [n] && n > 0, "layer_norm", "\(name) must be [\(n)], got \(tensor.shape)")
    }
    let y = try params.map { try result(x.shape, $0) } ?? Tensor(undefined: x.shape)
    let step = IntegerLayerNorm(
      rows: x.count / n, gain: try weight.array(), shift: try bias.array(), epsilon: Float(epsilon),
      inputScale: input.scale, result: params)
    try run(step, [try x.contiguous()], y, batch: 1)
    return y
  }
}
