import CKernels
import Tensors

extension IntegerKernels {
  /// Weights [N, K] in few bits: codes, and for each group of columns a scale and a zero point.
  public struct GroupedWeights {
    /// u8 [N, K], each 0 ..< 2^bits.
    public let codes: Tensor
    /// f32 [N, groups].
    public let scales: Tensor
    /// u8 [N, groups] of codes; nil for 2^(bits - 1).
    public let zeroPoints: Tensor?
    public let bits, group: Int

    public init(codes: Tensor, scales: Tensor, zeroPoints: Tensor?, bits: Int, group: Int) throws {
      try check(codes, .u8, "codes", "linear_grouped")
      try check(scales, .f32, "scales", "linear_grouped")
      try require(
        codes.rank == 2 && codes.count > 0, "linear_grouped", "codes must be [N, K], got \(codes.shape)")
      try requireGroup(bits, group, "linear_grouped")
      let groups: Shape = [codes.shape[0], (codes.shape[1] + group - 1) / group]
      try require(scales.shape == groups, "linear_grouped", "scales must be \(groups), got \(scales.shape)")
      if let zeroPoints {
        try check(zeroPoints, .u8, "zero_points", "linear_grouped")
        try require(
          zeroPoints.shape == groups, "linear_grouped",
          "zero_points must be \(groups), got \(zeroPoints.shape)")
      }
      self.codes = try codes.contiguous()
      self.scales = try scales.contiguous()
      self.zeroPoints = try zeroPoints?.contiguous()
      (self.bits, self.group) = (bits, group)
    }
  }

  /// How activations meet weights of few bits.
  public enum Activations: String, CaseIterable, Sendable {
    /// As they are; the weights become f32 in registers.
    case f32
    /// Each row quantized by its own range just before the product, which is done in integers.
    case s8
  }

  /// Rounds weights [N, K] to the nearest code, group by group: a `WeightQuantizer` in the form the kernels take.
  /// Symmetric: the largest magnitude gets the code farthest from 2^(bits - 1); else least and largest of the group,
  /// 0 included, get the ends of the range. Scales are rounded to fp16, which the packed form keeps them in.
  public static func quantizeGroups(
    _ weight: Tensor, bits: Int, group: Int, isSymmetric: Bool
  ) throws -> GroupedWeights {
    try check(weight, .f32, "weight", "quantize_grouped")
    try require(
      weight.rank == 2 && weight.count > 0, "quantize_grouped", "weight must be [N, K], got \(weight.shape)")
    try requireGroup(bits, group, "quantize_grouped")
    let grid: WeightQuantizer
    do {
      grid = try WeightQuantizer(
        weight: weight, scheme: WeightScheme(.integer(bits: bits), .group(group), isSymmetric: isSymmetric))
    } catch let error as ShapeError {
      throw ShapeError("quantize_grouped", error.problem)
    }
    let middle = Int16(1 << (bits - 1))
    func unsigned(_ codes: [Int8]) -> [UInt8] { codes.map { UInt8(Int16($0) + middle) } }
    let groups: Shape = [weight.shape[0], grid.scales.count / weight.shape[0]]
    return try GroupedWeights(
      codes: Tensor(weight.shape, unsigned(grid.quantize(weight))), scales: Tensor(groups, grid.scales),
      zeroPoints: isSymmetric ? nil : Tensor(groups, unsigned(grid.zeroPoints)), bits: bits, group: group)
  }

  /// `x W^T + bias`: x [M, K] f32, bias [N] f32, to [M, N] f32. ONNX Runtime's MatMulNBits.
  public static func linear(
    _ x: Tensor, _ weights: GroupedWeights, bias: Tensor?, activations: Activations
  ) throws -> Tensor {
    try check(x, .f32, "x", "linear_grouped")
    let (n, k) = (weights.codes.shape[0], weights.codes.shape[1])
    try require(
      x.rank == 2 && x.shape[1] == k, "linear_grouped",
      "needs x [M, \(k)] for codes [\(n), \(k)], got \(x.shape)")
    if let bias {
      try check(bias, .f32, "bias", "linear_grouped")
      try require(bias.shape == [n], "linear_grouped", "bias must be [\(n)], got \(bias.shape)")
    }
    let (source, shift) = (try x.contiguous(), try bias?.contiguous())
    let y = try Tensor(undefined: [x.shape[0], n])
    try withExtendedLifetime((source, shift, weights.codes, weights.scales, weights.zeroPoints, y)) {
      var description = qk_lowbit_weights(
        n: n, k: k, group: weights.group, bits: UInt32(weights.bits), order: QK_CODES_U8,
        codes: weights.codes.bytes, scales: weights.scales.floats, zero_points: weights.zeroPoints?.bytes,
        bias: shift?.floats)
      var bytes = 0
      try checkStatus(qk_lowbit_packed_bytes(&description, &bytes), "linear_grouped")
      let packed = AlignedBytes(count: bytes)
      try checkStatus(qk_lowbit_pack(qk_isa_active(), &description, packed.pointer), "linear_grouped")
      let scratch = AlignedBytes(count: qk_lowbit_scratch_bytes(packed.pointer))
      try withExtendedLifetime((packed, scratch)) {
        try multiply(source, packed.pointer, activations, y, scratch.pointer)
      }
    }
    return y
  }

  private static func multiply(
    _ x: Tensor, _ packed: UnsafeMutableRawPointer, _ activations: Activations, _ y: Tensor,
    _ scratch: UnsafeMutableRawPointer
  ) throws {
    let (m, k, n) = (x.shape[0], x.shape[1], y.shape[1])
    switch activations {
    case .f32:
      try checkStatus(qk_lowbit_f32(packed, m, x.floats, k, y.floats, n, scratch), "linear_grouped")
    case .s8:
      var (values, scales) = ([Int8](repeating: 0, count: m * k), [Float](repeating: 0, count: m))
      try checkStatus(
        qk_dynamic_quantize_rows_s8(qk_isa_active(), m, k, x.floats, k, &values, k, &scales), "linear_grouped"
      )
      try checkStatus(qk_lowbit_s8(packed, m, values, k, scales, nil, y.floats, n, scratch), "linear_grouped")
    }
  }

  private static func requireGroup(_ bits: Int, _ group: Int, _ function: String) throws {
    try require([2, 4, 8].contains(bits), function, "bits must be 2, 4 or 8 (got \(bits))")
    try require(
      [16, 32, 64, 128].contains(group), function, "group must be 16, 32, 64 or 128 (got \(group))")
  }
}
