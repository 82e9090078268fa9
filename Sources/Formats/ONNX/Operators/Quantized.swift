import Compression
import Models
import Tensors

/// Quantization: integers from real numbers and back, and operators between integers, which are read as the
/// real ones between the two.
extension OnnxOperator {
  static let quantized: [String: OnnxOperator] = [
    "QuantizeLinear": OnnxOperator { c in try quantize(c, c.input(0), scale: 1, zeroPoint: 2) },
    "DequantizeLinear": OnnxOperator { c in try dequantize(c, c.input(0), scale: 1, zeroPoint: 2) },
    "DynamicQuantizeLinear": OnnxOperator(several: { c in try dynamicQuantize(c) }),
    "MatMulInteger": OnnxOperator { c in
      try c.emit(MatMul(), shifted(c, 0, by: 2, .i32), shifted(c, 1, by: 3, .i32))
    },
    "ConvInteger": OnnxOperator { c in
      let (x, weight) = (try shifted(c, 0, by: 2, .f64), try shifted(c, 1, by: 3, .f64))
      return try c.cast(convolved(c, [x, weight]), .i32)
    },
    "QLinearMatMul": OnnxOperator { c in
      let a = try dequantize(c, c.input(0), scale: 1, zeroPoint: 2)
      let b = try dequantize(c, c.input(3), scale: 4, zeroPoint: 5)
      return try quantize(c, c.emit(MatMul(), a, b), scale: 6, zeroPoint: 7)
    },
    "QLinearConv": OnnxOperator { c in try convolution(c) },
    "com.microsoft.QLinearAdd": OnnxOperator { c in try between(c, Add()) },
    "com.microsoft.QLinearMul": OnnxOperator { c in try between(c, Mul()) },
    "com.microsoft.QGemm": OnnxOperator { c in try gemm(c) },
  ]

  private static func params(_ c: OnnxCall, scale: Int, zeroPoint: Int, _ shape: Shape) throws -> IntegerGrid
  {
    let scales = try c.constant(scale, "scale")
    let zeros = try c.optionalConstant(zeroPoint, "zero point")
    var type =
      try zeros?.dtype ?? (scale == 1 && c.node.operation == "DequantizeLinear" ? c.dtype(c.input(0)) : .u8)
    var (low, high): (Int, Int)
    switch try storedType(c, zeroPoint) {
    case .uint2?: (low, high) = (0, 3)
    case .int2?: (low, high) = (-2, 1)
    case .uint4?: (low, high) = (0, 15)
    case .int4?: (low, high) = (-8, 7)
    case .uint16?: (low, high) = (0, 65535)
    case .int16?: (low, high) = (-32768, 32767)
    default:
      if let code = c.node.attributes["output_dtype"], case .int(let number) = code, zeros == nil {
        type = OnnxType(rawValue: number)?.dtype ?? .u8
      }
      (low, high) = type == .i8 ? (-128, 127) : type == .u8 ? (0, 255) : (Int(Int32.min), Int(Int32.max))
    }
    let block = try c.int("block_size", 0)
    let axis =
      scales.rank == 0 || scales.count == 1 && block == 0 ? nil : try place(c.int("axis", 1), shape.rank)
    return IntegerGrid(
      scales: try scales.doubles().map { Float($0) },
      zeroPoints: try zeros == nil ? [0] : c.integers(zeroPoint, "zero point"),
      axis: axis, block: block == 0 ? nil : block, type: type, lowest: low, highest: high)
  }

  private static func place(_ axis: Int, _ rank: Int) throws -> Int {
    let place = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(place) else {
      throw OnnxRefusal("axis \(axis) lies outside of \(rank) dimensions")
    }
    return place
  }

  /// The element type the file gives an input that is an initializer: 4-bit numbers are bytes here.
  private static func storedType(_ c: OnnxCall, _ i: Int) throws -> OnnxType? {
    guard c.has(i), case .constant(let constant)? = c.inputs[i] else { return nil }
    return constant.storedType
  }

  private static func quantize(_ c: OnnxCall, _ x: OnnxValue, scale: Int, zeroPoint: Int) throws -> OnnxValue
  {
    try c.emit(QuantizeIntegers(params(c, scale: scale, zeroPoint: zeroPoint, c.shape(x))), c.cast(x, .f32))
  }

  private static func dequantize(_ c: OnnxCall, _ x: OnnxValue, scale: Int, zeroPoint: Int) throws
    -> OnnxValue
  {
    let grid = try params(c, scale: scale, zeroPoint: zeroPoint, c.shape(x))
    return try dequantized(c, x, grid)
  }

  /// Weights stay numbers of the file's grid, under their name.
  private static func dequantized(_ c: OnnxCall, _ x: OnnxValue, _ grid: IntegerGrid) throws -> OnnxValue {
    let result = try c.emit(DequantizeIntegers(grid), x)
    guard let constant = result.constant else { return result }
    let value = try constant.tensor()
    let named = OnnxConstant(value, name: x.constant?.name, isSymbolic: constant.isSymbolic)
    named.constraint = grid.columnQuantizer(for: value.shape) ?? grid.weightQuantizer(for: value.shape)
    return .constant(named)
  }

  /// ONNX Runtime's operators of two integer tensors, each with scale and zero point.
  private static func between(_ c: OnnxCall, _ op: any Op) throws -> OnnxValue {
    let a = try dequantize(c, c.input(0), scale: 1, zeroPoint: 2)
    let b = try dequantize(c, c.input(3), scale: 4, zeroPoint: 5)
    return try quantize(c, c.emit(op, a, b), scale: 6, zeroPoint: 7)
  }

  /// ONNX Runtime's QGemm: the scale of C is that of the products; without an output scale the result is f32.
  private static func gemm(_ c: OnnxCall) throws -> OnnxValue {
    try c.require(
      c.float("alpha", 1) == 1 && !c.flag("transA") && c.flag("transB"),
      "alpha, transA or transB are not as a linear layer has them")
    let x = try dequantize(c, c.input(0), scale: 1, zeroPoint: 2)
    let inputs = [x] + (try storedWeights(c, bias: 6))
    let y = try c.emit(Linear(), inputs)
    return c.has(7) ? try quantize(c, y, scale: 7, zeroPoint: 8) : y
  }

  private static func dynamicQuantize(_ c: OnnxCall) throws -> [OnnxValue] {
    let x = try c.input(0)
    let axes = Array(try c.shape(x).indices)
    let zero = try c.scalar(0, like: x)
    let high = try c.emit(Maximum(), c.emit(Max(axes: axes), x), zero)
    let low = try c.emit(Minimum(), c.emit(Min(axes: axes), x), zero)
    let scale = try c.div(c.sub(high, low), c.scalar(255, like: x))
    let start = try c.emit(Clip(0, 255), c.emit(Round(), c.div(c.emit(Neg(), low), scale)))
    let y = try c.emit(Clip(0, 255), c.add(c.emit(Round(), c.div(x, scale)), start))
    return [try c.cast(y, .u8), scale, try c.cast(start, .u8)]
  }

  /// An integer operand less its zero point (a scalar, or one for each row or column).
  private static func shifted(_ c: OnnxCall, _ i: Int, by zeroPoint: Int, _ type: DType) throws -> OnnxValue {
    let x = try c.cast(c.input(i), type)
    if !c.has(zeroPoint) { return x }
    var zero = try c.cast(c.input(zeroPoint), type)
    let (rank, count) = (try c.shape(x).rank, try c.shape(zero).elements)
    if count > 1 && (i == 0 || c.node.operation == "ConvInteger") {
      zero = try c.reshape(zero, [count] + [Int](repeating: 1, count: i == 0 ? 1 : rank - 1))
    } else if count == 1 {
      zero = try c.reshape(zero, [])
    }
    return try c.sub(x, zero)
  }

  private static func convolution(_ c: OnnxCall) throws -> OnnxValue {
    let x = try dequantize(c, c.input(0), scale: 1, zeroPoint: 2)
    return try quantize(c, convolved(c, [x] + storedWeights(c, bias: 8)), scale: 6, zeroPoint: 7)
  }

  /// The weights at input 3 (scale and zero point behind them) and the s32 bias, whose scale is that of the products.
  private static func storedWeights(_ c: OnnxCall, bias place: Int) throws -> [OnnxValue] {
    let inputScale = try c.constant(1, "scale")
    let scales = try c.constant(4, "scale").doubles().map { Float($0) }
    let zeros = try c.integers(5, "zero point")
    let stored = try c.constant(3, "weight")
    try c.require(stored.rank > 1, "has a weight of shape \(stored.shape)")
    let grid = IntegerGrid(
      scales: scales, zeroPoints: zeros, axis: scales.count > 1 ? 0 : nil, type: stored.dtype)
    let values = try dequantized(c, c.input(3), grid)
    guard c.has(place) else { return [values] }
    let outputs = stored.shape[0]
    let scale = Float(try inputScale.item())
    let products = (0..<outputs).map { (scales.count > 1 ? scales[$0] : scales[0]) * scale }
    let bias = try c.constant(place, "bias").doubles()
    try c.require(bias.count == outputs, "has \(bias.count) biases for \(outputs) outputs")
    let real = try Tensor.from(zip(bias, products).map { Double(Float($0) * $1) }, [outputs], .f32)
    return [values, .constant(OnnxConstant(real, name: c.inputs[place]?.constant?.name))]
  }
}
