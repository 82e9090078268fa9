import CKernels
import Testing

/// ONNX's own vectors for the operators the integer kernels compute. Types the kernels do not have (2, 4 and 16 bits,
/// blocked scales) are not among the cases.
@Suite(
  .enabled(if: ONNXCase.folder != nil, "no shared data: set QSCRIPT_SHARED to its folder to run ONNX's cases")
)
struct ONNXTests {
  @Test(arguments: Level.runnable) func matMulInteger(level: Level) throws {
    let onnx = try ONNXCase("test_matmulinteger")
    let (a, b) = (onnx.inputs[0], onnx.inputs[1])
    let sums = try product(
      level, a.integers, zeroPoint: onnx.inputs[2].integer, b.integers.map { $0 - onnx.inputs[3].integer },
      k: a.dims[1], n: b.dims[1], multiplier: 1, qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0))
    #expect(sums == onnx.outputs[0].integers)
  }

  @Test(
    arguments: Level.runnable,
    [
      "2D_uint8_float32", "3D_uint8_float32", "2D_int8_float32", "3D_int8_float32", "2D_int8_float16",
    ]) func qLinearMatMul(level: Level, name: String) throws
  {
    let onnx = try ONNXCase("test_qlinearmatmul_" + name)
    let (a, b) = (onnx.inputs[0], onnx.inputs[3])
    let lift = name.contains("_int8") ? 128 : 0  // s8 activations are u8 ones of a zero point 128 higher
    let (k, n) = (b.dims[b.dims.count - 2], b.dims[b.dims.count - 1])
    let multiplier = onnx.inputs[1].float * onnx.inputs[4].float / onnx.inputs[6].float
    let zeroPoint = onnx.inputs[7].integer
    let u8 = qk_output(kind: QK_OUTPUT_U8, zero_point: UInt8(zeroPoint + lift), lo: 0, hi: 255)
    let s32 = qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0)
    let batches = b.dims.count == 3 ? b.dims[0] : 1, rows = a.values.count / batches
    var y: [Int] = [], unbounded: [Int] = []
    for batch in 0..<batches {
      func result(_ output: qk_output) throws -> [Int] {
        try product(
          level, a.integers[batch * rows..<(batch + 1) * rows].map { $0 + lift },
          zeroPoint: onnx.inputs[2].integer + lift,
          b.integers[batch * k * n..<(batch + 1) * k * n].map { $0 - onnx.inputs[5].integer }, k: k, n: n,
          multiplier: multiplier, output)
      }
      y += try result(u8).map { $0 - lift }
      unbounded += try result(s32).map { Int((Float($0) * multiplier).rounded(.toNearestOrEven)) + zeroPoint }
    }
    // ONNX's s8 vectors were made by a cast that wraps, where the operator is defined to saturate.
    let range = -lift...255 - lift
    let expected = zip(onnx.outputs[0].integers, unbounded).map { vector, exact in
      range ~= exact || lift == 0 ? vector : min(max(exact, range.lowerBound), range.upperBound)
    }
    #expect(y == expected)
    if lift != 0 { #expect(unbounded.map { Int(Int8(truncatingIfNeeded: $0)) } == onnx.outputs[0].integers) }
  }

  @Test(arguments: Level.runnable) func convInteger(level: Level) throws {
    let onnx = try ONNXCase("test_convinteger_without_padding")
    let y = try convolution(
      level, onnx.inputs[0], zeroPoint: onnx.inputs[2].integer, onnx.inputs[1], weightZeroPoint: 0,
      multiplier: 1,
      qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0))
    #expect(y == onnx.outputs[0].integers)
  }

  @Test(arguments: Level.runnable) func qLinearConv(level: Level) throws {
    let onnx = try ONNXCase("test_qlinearconv")
    let i = onnx.inputs
    let y = try convolution(
      level, i[0], zeroPoint: i[2].integer, i[3], weightZeroPoint: i[5].integer,
      multiplier: i[1].float * i[4].float / i[6].float,
      qk_output(kind: QK_OUTPUT_U8, zero_point: UInt8(i[7].integer), lo: 0, hi: 255))
    #expect(y == onnx.outputs[0].integers)
  }

  @Test(arguments: Level.runnable, ["test_quantizelinear", "test_quantizelinear_axis"])
  func quantizeLinear(level: Level, name: String) throws {
    let onnx = try ONNXCase(name)
    let x = onnx.inputs[0].floats, scale = onnx.inputs[1].floats
    let layout = Self.layout(onnx.inputs[0].dims, scales: scale.count)
    var y = [UInt8](repeating: 0, count: x.count)
    #expect(
      qk_quantize_u8(level.isa, layout, x, scale, onnx.inputs[2].integers.map { UInt8($0) }, &y) == QK_OK)
    #expect(y.map(Int.init) == onnx.outputs[0].integers)
  }

  @Test(arguments: Level.runnable) func dequantizeLinear(level: Level) throws {
    let onnx = try ONNXCase("test_dequantizelinear_axis")
    let x = onnx.inputs[0].integers.map { UInt8($0) }, scale = onnx.inputs[1].floats
    let layout = Self.layout(onnx.inputs[0].dims, scales: scale.count)
    var y = [Float](repeating: 0, count: x.count)
    #expect(
      qk_dequantize_u8(level.isa, layout, x, scale, onnx.inputs[2].integers.map { UInt8($0) }, &y) == QK_OK)
    #expect(y == onnx.outputs[0].floats)
  }

  @Test(arguments: Level.runnable, ["test_dynamicquantizelinear", "test_dynamicquantizelinear_min_adjusted"])
  func dynamicQuantizeLinear(level: Level, name: String) throws {
    let onnx = try ONNXCase(name)
    let x = onnx.inputs[0].floats
    var y = [UInt8](repeating: 0, count: x.count)
    var scale: Float = 0, zeroPoint: UInt8 = 0
    #expect(
      qk_dynamic_quantize_rows_u8(level.isa, 1, x.count, x, x.count, &y, x.count, &scale, &zeroPoint) == QK_OK
    )
    #expect(y.map(Int.init) == onnx.outputs[0].integers)
    #expect(scale == onnx.outputs[1].float)
    #expect(Int(zeroPoint) == onnx.outputs[2].integer)
  }

  // MARK: operators in terms of the kernels

  /// Scales of one channel axis, which is axis 1 in ONNX's cases.
  private static func layout(_ dims: [Int], scales: Int) -> qk_scale_layout {
    if scales == 1 { return qk_scale_layout(outer: 1, channels: 1, inner: dims.reduce(1, *)) }
    return qk_scale_layout(outer: dims[0], channels: scales, inner: dims[2...].reduce(1, *))
  }

  /// ONNX allows u8 weights with any zero point, -255...255 once it is taken off: each is split into three s8 that meet
  /// the same activation.
  private static let parts = 3
  private static func split(_ weight: Int) -> [Int8] {
    let first = max(-128, min(127, weight)), second = max(-128, min(127, weight - first))
    return [Int8(first), Int8(second), Int8(weight - first - second)]
  }

  /// a [m, k] times b [k, n], zero point of b taken off already.
  private func product(
    _ level: Level, _ a: [Int], zeroPoint: Int, _ b: [Int], k: Int, n: Int, multiplier: Float,
    _ output: qk_output
  ) throws -> [Int] {
    var output = output
    let x = a.flatMap { [UInt8](repeating: UInt8($0), count: Self.parts) }
    let w = (0..<n).flatMap { j in (0..<k).flatMap { Self.split(b[$0 * n + j]) } }
    let m = a.count / k, depth = k * Self.parts
    var bytes = 0
    try #require(qk_gemm_u8s8_packed_bytes(level.isa, n, depth, &bytes) == QK_OK)
    let packed = AlignedMemory(bytes)
    let multipliers = [Float](repeating: multiplier, count: n)
    try #require(
      qk_gemm_u8s8_pack(level.isa, n, depth, w, nil, multipliers, UInt8(zeroPoint), packed.pointer) == QK_OK)
    let (y, intact) = outputs(output, m * n) {
      #expect(qk_gemm_u8s8(packed.pointer, m, x, depth, &output, $0, n) == QK_OK)
    }
    #expect(intact)
    return y.map { Int($0) }
  }

  /// One input and one output channel, no padding: the only convolutions among the cases.
  private func convolution(
    _ level: Level, _ x: ONNXTensor, zeroPoint: Int, _ w: ONNXTensor, weightZeroPoint: Int, multiplier: Float,
    _ output: qk_output
  ) throws -> [Int] {
    try #require(x.dims[0] == 1 && x.dims[1] == 1 && w.dims[0] == 1)
    var output = output
    var shape = qk_conv2d_shape.square(x.dims[2], x.dims[3], channels: Self.parts, out: 1, kernel: w.dims[2])
    let bytesOfX = x.integers.flatMap { [UInt8](repeating: UInt8($0), count: Self.parts) }
    let weights = w.integers.map { Self.split($0 - weightZeroPoint) }
    let planes = (0..<Self.parts).flatMap { part in weights.map { $0[part] } }
    var bytes = 0
    try #require(qk_conv2d_u8s8_packed_bytes(level.isa, &shape, &bytes) == QK_OK)
    let packed = AlignedMemory(bytes)
    try #require(
      qk_conv2d_u8s8_pack(level.isa, &shape, planes, nil, [multiplier], UInt8(zeroPoint), packed.pointer)
        == QK_OK)
    let scratch = AlignedMemory(qk_conv2d_u8s8_scratch_bytes(packed.pointer))
    let count = (x.dims[2] - w.dims[2] + 1) * (x.dims[3] - w.dims[3] + 1)
    let (y, intact) = outputs(output, count) {
      #expect(qk_conv2d_u8s8(packed.pointer, 1, bytesOfX, &output, $0, scratch.pointer) == QK_OK)
    }
    #expect(intact)
    return y.map { Int($0) }
  }
}
