import CKernels
import Tensors

/// `softmax(scale q k^T) v` for each head, in integers throughout: q [T, heads * D], k [S, heads * D] and
/// v [S, heads * E] u8, k and v of zero point 128. The scores are u8, the probabilities u8 of scale 1/256.
public final class IntegerAttention: IntegerStep {
  public static let kind = "attention"

  /// Sizes of one sample.
  public struct Geometry: Hashable, Sendable {
    /// T and S.
    public var queries, keys: Int
    public var heads: Int
    /// D and E: of one head.
    public var keySize, valueSize: Int
    public var isCausal: Bool
  }

  public let geometry: Geometry
  public let scoresStage, outputStage: qk_output
  public let queryZeroPoint: UInt8
  /// What sums are multiplied with to become scores, and results.
  public let scoreMultiplier, outputMultiplier: Float
  private let scoreScale: Float
  /// Of the scores.
  public private(set) var softmax = qk_softmax_u8_table()
  /// Keys each query sees, where that is not all.
  private let visible: [UInt32]
  private let layout: Layout

  /// - Parameter scale: what q k^T is multiplied with.
  public convenience init(
    _ geometry: Geometry, scale: Float, query: QuantParams, key: QuantParams, value: QuantParams,
    scores: QuantParams, result: QuantParams
  ) throws {
    for (name, params) in [("k", key), ("v", value)] {
      try require(
        params.zeroPoint == 128, "attention",
        "\(name) has zero point \(params.zeroPoint), the kernel needs 128")
    }
    try self.init(
      geometry, query: query.zeroPoint, scores: scores, result: result,
      scoreMultiplier: query.scale * key.scale * scale / scores.scale,
      outputMultiplier: probabilityScale * value.scale / result.scale)
  }

  private init(
    _ geometry: Geometry, query: UInt8, scores: QuantParams, result: QuantParams, scoreMultiplier: Float,
    outputMultiplier: Float
  ) throws {
    self.geometry = geometry
    queryZeroPoint = query
    scoreScale = scores.scale
    (self.scoreMultiplier, self.outputMultiplier) = (scoreMultiplier, outputMultiplier)
    scoresStage = qk_output(kind: QK_OUTPUT_U8, zero_point: scores.zeroPoint, lo: 0, hi: 255)
    outputStage = qk_output(
      kind: QK_OUTPUT_U8, zero_point: result.zeroPoint, lo: result.lowest, hi: result.highest)
    visible = geometry.isCausal ? (0..<geometry.queries).map { UInt32(min($0 + 1, geometry.keys)) } : []
    layout = try Layout(geometry)
    try checkStatus(qk_softmax_u8_prepare(scores.scale, probabilityScale, 0, &softmax), Self.kind)
  }

  public var inputElements: [Int] {
    let g = geometry
    return [g.queries * g.heads * g.keySize, g.keys * g.heads * g.keySize, g.keys * g.heads * g.valueSize]
  }
  public var outputElements: Int { geometry.queries * geometry.heads * geometry.valueSize }
  public var scratchBytes: Int { layout.bytes }

  public func run(
    batch: Int, _ inputs: UnsafePointer<UnsafeRawPointer>, _ output: UnsafeMutableRawPointer,
    scratch: UnsafeMutableRawPointer
  ) throws {
    let g = geometry
    for sample in 0..<batch {
      let q = bytes(inputs[0]) + sample * g.queries * g.heads * g.keySize
      let k = bytes(inputs[1]) + sample * g.keys * g.heads * g.keySize
      let v = bytes(inputs[2]) + sample * g.keys * g.heads * g.valueSize
      let y = bytes(output) + sample * outputElements
      for head in 0..<g.heads {
        try attend(
          q + head * g.keySize, k + head * g.keySize, v + head * g.valueSize, y + head * g.valueSize, scratch)
      }
    }
  }

  /// One head of one sample; rows of q, k, v and y lie a whole position apart.
  private func attend(
    _ q: UnsafePointer<UInt8>, _ k: UnsafePointer<UInt8>, _ v: UnsafePointer<UInt8>,
    _ y: UnsafeMutablePointer<UInt8>, _ scratch: UnsafeMutableRawPointer
  ) throws {
    let g = geometry
    let scores = bytes(scratch + layout.scores)
    var (scoresStage, outputStage, softmax) = (scoresStage, outputStage, softmax)
    let packed = scratch + layout.packed
    try checkStatus(
      qk_gemm_u8s8_pack_operand(
        qk_isa_active(), g.keys, g.keySize, k, g.heads * g.keySize, false, scoreMultiplier, queryZeroPoint,
        packed),
      Self.kind)
    try checkStatus(
      qk_gemm_u8s8(packed, g.queries, q, g.heads * g.keySize, &scoresStage, scores, g.keys), Self.kind)
    try visible.withUnsafeBufferPointer { visible in
      try checkStatus(
        qk_softmax_u8(
          qk_isa_active(), &softmax, g.queries, g.keys, scores, g.keys,
          visible.isEmpty ? nil : visible.baseAddress,
          scores, g.keys), Self.kind)
    }
    try checkStatus(
      qk_gemm_u8s8_pack_operand(
        qk_isa_active(), g.valueSize, g.keys, v, g.heads * g.valueSize, true, outputMultiplier, 0, packed),
      Self.kind)
    try checkStatus(
      qk_gemm_u8s8(packed, g.queries, scores, g.keys, &outputStage, y, g.heads * g.valueSize), Self.kind)
  }

  /// Where things lie in scratch memory, in bytes.
  private struct Layout {
    var packed = 0, scores = 0, bytes = 0

    init(_ g: Geometry) throws {
      func place(_ size: Int) -> Int {
        defer { bytes += (size + 63) / 64 * 64 }
        return bytes
      }
      var (keys, values) = (0, 0)
      let isa = qk_isa_active()
      try checkStatus(qk_gemm_u8s8_packed_bytes(isa, g.keys, g.keySize, &keys), IntegerAttention.kind)
      try checkStatus(qk_gemm_u8s8_packed_bytes(isa, g.valueSize, g.keys, &values), IntegerAttention.kind)
      packed = place(max(keys, values))
      scores = place(g.queries * g.keys)
    }
  }

  public func encode(to record: inout StepRecord) {
    let g = geometry
    for (name, size) in [
      ("queries", g.queries), ("keys", g.keys), ("heads", g.heads), ("key_size", g.keySize),
      ("value_size", g.valueSize), ("causal", g.isCausal ? 1 : 0), ("query_zero_point", Int(queryZeroPoint)),
      ("zero_point", Int(outputStage.zero_point)),
    ] { record.integers[name] = size }
    record.put(outputStage.lo, outputStage.hi)
    record.put(QuantParams(scale: scoreScale, zeroPoint: scoresStage.zero_point), "scores")
    record.floats["score_multiplier"] = scoreMultiplier
    record.floats["output_multiplier"] = outputMultiplier
  }

  public convenience init(from record: StepRecord) throws {
    let geometry = try Geometry(
      queries: record.size("queries"), keys: record.size("keys"), heads: record.size("heads"),
      keySize: record.size("key_size"), valueSize: record.size("value_size"),
      isCausal: record.integer("causal") != 0)
    for (rows, size) in [
      (geometry.queries, geometry.keySize), (geometry.keys, geometry.keySize),
      (geometry.keys, geometry.valueSize),
    ] { _ = try Shape(checking: [rows, geometry.heads, size], for: Self.kind) }
    _ = try Shape(checking: [geometry.queries, geometry.keys], for: Self.kind)
    let (lowest, highest) = try record.codes()
    // Of the result's scale only its share in the multiplier is kept.
    let result = QuantParams(
      scale: 1, zeroPoint: try record.byte("zero_point"), lowest: lowest, highest: highest)
    try self.init(
      geometry, query: record.byte("query_zero_point"), scores: record.params("scores"), result: result,
      scoreMultiplier: record.float("score_multiplier"),
      outputMultiplier: record.float("output_multiplier"))
  }
}

/// Of probabilities: 255 stands for 255/256, what softmax gives up to one step.
private let probabilityScale: Float = 1 / 256
