import CKernels
import Tensors

/// `y = x W^T + b` with f32 activations and W [N, K] in few bits. x is taken as it is, or dynamically: each row is
/// quantized to 8 bits by its own largest magnitude just before the product, which is done in integers.
public final class LowBitLinearStep: TensorStep {
  public static let kind = "low_bit_linear"
  public let isDynamic: Bool
  private let weights: LowBitWeights
  private let bias: [Float]
  private let packed: Packed

  private enum Packed {
    /// For weights with one scale a row under quantized activations.
    case rows(PackedMatrix)
    case groups(AlignedBytes)
  }

  public convenience init(
    weight: Tensor, bias: Tensor?, _ quantizer: WeightQuantizer, isDynamic: Bool
  ) throws {
    try self.init(
      LowBitWeights(weight, quantizer),
      bias: bias?.array(Float.self) ?? [Float](repeating: 0, count: weight.shape[0]), isDynamic: isDynamic)
  }

  private init(_ weights: LowBitWeights, bias: [Float], isDynamic: Bool) throws {
    (self.weights, self.bias, self.isDynamic) = (weights, bias, isDynamic)
    packed =
      isDynamic && weights.group == nil && weights.zeroPoints.isEmpty
      ? .rows(try Self.packRows(weights)) : .groups(try Self.packGroups(weights, bias))
  }

  public var inputTypes: [DType] { [.f32] }
  public var outputType: DType { .f32 }
  public var label: String { Self.kind + weights.note + (isDynamic ? ", dynamic" : "") }
  public var weightBytes: Int {
    switch packed {
    case .rows(let matrix): matrix.byteCount
    case .groups(let bytes): bytes.count
    }
  }

  // MARK: Packing

  private static func packRows(_ w: LowBitWeights) throws -> PackedMatrix {
    let values = IntegerWeights(
      weights: w.codes, bias: [Int32](repeating: 0, count: w.outputs), multipliers: w.scales,
      inputZeroPoint: 128, output: qk_output(kind: QK_OUTPUT_F32, zero_point: 0, lo: 0, hi: 255))
    return try PackedMatrix(values, n: w.outputs, k: w.inputs, rows: blockRows)
  }

  private static func packGroups(_ w: LowBitWeights, _ bias: [Float]) throws -> AlignedBytes {
    // Rows with one scale are groups with equal ones.
    let group = w.group ?? 128
    let perRow = (w.inputs + group - 1) / group
    func spread<T>(_ values: [T]) -> [T] {
      w.group == nil ? values.flatMap { [T](repeating: $0, count: perRow) } : values
    }
    let (scales, zeroPoints) = (spread(w.scales), spread(w.zeroPoints))
    let levels = max(PackedCodes.levels(of: w.codes), PackedCodes.levels(of: w.zeroPoints))
    return try w.codes.withUnsafeBufferPointer { codes in
      try zeroPoints.withUnsafeBufferPointer { zeros in
        try scales.withUnsafeBufferPointer { scales in
          try bias.withUnsafeBufferPointer { bias in
            var description = qk_lowbit_weights(
              n: w.outputs, k: w.inputs, group: group, bits: levels <= 4 ? 2 : levels <= 16 ? 4 : 8,
              order: QK_CODES_S8, codes: codes.baseAddress, scales: scales.baseAddress,
              zero_points: zeros.isEmpty ? nil : UnsafeRawPointer(zeros.baseAddress),
              bias: bias.baseAddress)
            var bytes = 0
            try checkStatus(qk_lowbit_packed_bytes(&description, &bytes), kind)
            let packed = AlignedBytes(count: bytes)
            try checkStatus(qk_lowbit_pack(qk_isa_active(), &description, packed.pointer), kind)
            return packed
          }
        }
      }
    }
  }

  // MARK: Running

  /// Rows that are quantized together.
  private static let blockRows = 64

  public func run(_ inputs: [Tensor]) throws -> Tensor {
    let (n, k) = (weights.outputs, weights.inputs)
    guard inputs.count == 1, inputs[0].dtype == .f32, inputs[0].rank > 0, inputs[0].shape.last == k else {
      throw ShapeError(
        Self.kind,
        "takes f32 [..., \(k)], got \(inputs.map { "\($0.dtype) \($0.shape)" }.joined(separator: ", "))")
    }
    let x = try inputs[0].contiguous()
    let y = try Tensor(undefined: Shape(Array(x.shape.dropLast()) + [n]))
    let rows = x.count / max(k, 1)
    let (from, to) = (x.floats, y.floats)
    let macsPerThread = 2_000_000
    let threads = max(1, min(Engine.threads, rows, rows * n * k / macsPerThread))
    try withExtendedLifetime((self, x, y)) {
      try ThreadTeam.run(parts: threads, threads: threads) { part, _ in
        let (first, end) = (part * rows / threads, (part + 1) * rows / threads)
        try multiply(end - first, from + first * k, to + first * n)
      }
    }
    return y
  }

  private func multiply(_ rows: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) throws {
    let (n, k) = (weights.outputs, weights.inputs)
    switch packed {
    case .groups(let packed) where !isDynamic:
      let scratch = AlignedBytes(count: qk_lowbit_scratch_bytes(packed.pointer))
      try checkStatus(qk_lowbit_f32(packed.pointer, rows, x, k, y, n, scratch.pointer), Self.kind)
    case .groups(let packed):
      let scratch = AlignedBytes(count: qk_lowbit_scratch_bytes(packed.pointer))
      try inBlocks(rows) { first, count, bytes, scales in
        let s8 = bytes.assumingMemoryBound(to: Int8.self)
        try checkQuantized(
          qk_dynamic_quantize_rows_s8(qk_isa_active(), count, k, x + first * k, k, s8, k, scales))
        try checkStatus(
          qk_lowbit_s8(packed.pointer, count, s8, k, scales, nil, y + first * n, n, scratch.pointer),
          Self.kind)
      }
    case .rows(let matrix):
      let output = qk_output(kind: QK_OUTPUT_F32, zero_point: 0, lo: 0, hi: 255)
      try inBlocks(rows) { first, count, bytes, scales in
        let u8 = bytes.assumingMemoryBound(to: UInt8.self)
        try checkQuantized(
          qk_dynamic_quantize_rows_u8_symmetric(qk_isa_active(), count, k, x + first * k, k, u8, k, scales))
        try matrix.multiply(rows: count, u8, k, output, y + first * n, n)
        finish(count, y + first * n, scales)
      }
    }
  }

  /// `body` gets the first row, how many there are, and room for their bytes and scales.
  private func inBlocks(
    _ rows: Int, _ body: (Int, Int, UnsafeMutableRawPointer, UnsafeMutablePointer<Float>) throws -> Void
  ) throws {
    let block = min(rows, Self.blockRows)
    let bytes = AlignedBytes(count: block * weights.inputs)
    let scales = AlignedBytes(count: block * MemoryLayout<Float>.size)
    let numbers = scales.pointer.bindMemory(to: Float.self, capacity: max(block, 1))
    try withExtendedLifetime((bytes, scales)) {
      for first in stride(from: 0, to: rows, by: max(block, 1)) {
        try body(first, min(block, rows - first), bytes.pointer, numbers)
      }
    }
  }

  /// The scale of each row of x, and the bias.
  private func finish(_ rows: Int, _ y: UnsafeMutablePointer<Float>, _ scales: UnsafePointer<Float>) {
    bias.withUnsafeBufferPointer { bias in
      for row in 0..<rows {
        let (line, scale) = (y + row * bias.count, scales[row])
        for i in 0..<bias.count { line[i] = line[i] * scale + bias[i] }
      }
    }
  }

  private func checkQuantized(_ status: qk_status) throws {
    try require(
      status != QK_NOT_FINITE, "linear",
      "an activation is NaN or infinite, which has no 8 bits; check the model in fp32 on the same data")
    try checkStatus(status, Self.kind)
  }

  // MARK: Files

  public func encode(to record: inout StepRecord) {
    weights.encode(to: &record)
    record.put(bias, "bias")
    record.integers["dynamic"] = isDynamic ? 1 : 0
  }

  public convenience init(from record: StepRecord) throws {
    let weights = try LowBitWeights(from: record)
    try require(
      weights.group.map(WeightScheme.groups.contains) ?? true, "program",
      "a step has groups of \(weights.group ?? 0) weights")
    try self.init(
      weights, bias: record.array("bias", Float.self, count: weights.outputs),
      isDynamic: record.integer("dynamic") != 0)
  }
}
