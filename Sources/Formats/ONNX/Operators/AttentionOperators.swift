import Models
import Tensors

/// Attention (opset 23) and rotary positions.
extension OnnxOperator {
  static let attention: [String: OnnxOperator] = [
    "Attention": OnnxOperator(several: { c in try attention(c) }),
    "RotaryEmbedding": OnnxOperator { c in try rotary(c) },
  ]

  private static func attention(_ c: OnnxCall) throws -> [OnnxValue] {
    if let simple = try plainAttention(c) { return [simple] }
    let isFlat = try c.shape(c.input(0)).rank == 3
    let q = try heads(c, c.input(0), try c.int("q_num_heads", 0))
    var k = try heads(c, c.input(1), try c.int("kv_num_heads", 0))
    var v = try heads(c, c.input(2), try c.int("kv_num_heads", 0))
    if c.has(4) { k = try c.emit(Concat(axis: 2), c.input(4), k) }
    if c.has(5) { v = try c.emit(Concat(axis: 2), c.input(5), v) }
    let present = (k, v)
    let (shapeQ, shapeK) = (try c.shape(q), try c.shape(k))
    try c.require(!c.has(6), "nonpad_kv_seqlen is not supported")
    k = try repeated(c, k, shapeQ[1])
    v = try repeated(c, v, shapeQ[1])

    let scale = try c.float("scale", 1 / Double(shapeQ[3]).squareRoot())
    let product = try c.emit(MatMul(), q, c.emit(Transpose([0, 1, 3, 2]), k))
    let raw = try c.mul(product, c.scalar(scale, like: q))
    var scores = raw
    // Before the masks: what is masked is to stay so.
    let cap = try c.float("softcap", 0)
    if cap != 0 {
      let bound = try c.scalar(cap, like: q)
      scores = try c.mul(c.emit(Tanh(), c.div(scores, bound)), bound)
    }
    if let mask = try mask(c, like: q) { scores = try c.add(scores, mask) }
    if try c.flag("is_causal") {
      try OnnxOperator.fixed(c, [shapeQ[2], shapeK[2]])
      scores = try c.add(
        scores, causal(c, shapeQ[2], shapeK[2], past: c.has(4) ? c.shape(c.input(4))[2] : 0, like: q))
    }
    let weights = try c.emit(Softmax(axis: 3), scores)
    let y = try c.emit(MatMul(), weights, v)
    let stages = [raw, scores, scores, weights]
    let mode = try c.int("qk_matmul_output_mode", 0)
    try c.require(stages.indices.contains(mode), "attribute 'qk_matmul_output_mode' is \(mode)")
    try c.require(
      cap == 0 || c.node.outputs.count < 4 || mode == 3,
      "gives scores with a softcap, whose order versions of the standard tell differently")
    return [isFlat ? try joined(c, y) : y, present.0, present.1, stages[mode]]
  }

  /// One op of ours where nothing beyond the plain form is asked for.
  private static func plainAttention(_ c: OnnxCall) throws -> OnnxValue? {
    let inputs = try (0...2).map(c.input)
    let heads = try c.int("q_num_heads", 0)
    guard c.node.outputs.count == 1, heads > 0, try c.int("kv_num_heads", 0) == heads,
      try inputs.allSatisfy({ try c.shape($0).rank == 3 }), try c.float("softcap", 0) == 0, !c.has(4),
      !c.has(5), !c.has(6)
    else { return nil }
    if c.has(3), try !c.dtype(c.input(3)).isFloatingPoint || c.shape(c.input(3)).rank == 3 { return nil }
    let scale = c.node.attributes["scale"] == nil ? nil : try c.float("scale", 1)
    let op = Attention(heads: heads, scale: scale, isCausal: try c.flag("is_causal"))
    return try c.emit(op, inputs + (c.has(3) ? [c.input(3)] : []))
  }

  /// [N, positions, heads * size] to [N, heads, positions, size]; what has four dimensions stays.
  private static func heads(_ c: OnnxCall, _ x: OnnxValue, _ heads: Int) throws -> OnnxValue {
    let s = try c.shape(x)
    if s.rank == 4 { return x }
    try c.require(s.rank == 3 && heads > 0 && s[2] % heads == 0, "\(s) does not divide into \(heads) heads")
    return try c.emit(Transpose([0, 2, 1, 3]), c.reshape(x, [s[0], s[1], heads, s[2] / heads]))
  }

  private static func joined(_ c: OnnxCall, _ x: OnnxValue) throws -> OnnxValue {
    let s = try c.shape(x)
    return try c.reshape(c.emit(Transpose([0, 2, 1, 3]), x), [s[0], s[2], s[1] * s[3]])
  }

  /// Grouped queries: every key head serves several query heads in a row.
  private static func repeated(_ c: OnnxCall, _ x: OnnxValue, _ heads: Int) throws -> OnnxValue {
    let s = try c.shape(x)
    if s[1] == heads { return x }
    try c.require(s[1] > 0 && heads % s[1] == 0, "\(heads) query heads do not divide into \(s[1]) groups")
    let indices = try Tensor([heads], (0..<heads).map { Int64($0 / (heads / s[1])) })
    return try c.emit(IndexSelect(axis: 1), x, c.constant(indices))
  }

  private static func mask(_ c: OnnxCall, like q: OnnxValue) throws -> OnnxValue? {
    guard c.has(3) else { return nil }
    var mask = try c.input(3)
    if try c.dtype(mask) == .bool {
      mask = try c.emit(Where(), mask, c.scalar(0, like: q), c.scalar(-.infinity, like: q))
    }
    return mask
  }

  /// A query sees the keys before it, those of the past included.
  private static func causal(_ c: OnnxCall, _ rows: Int, _ columns: Int, past: Int, like q: OnnxValue) throws
    -> OnnxValue
  {
    try c.requireModest([rows, columns])
    let values = (0..<rows * columns).map { $0 % columns > $0 / columns + past ? -Double.infinity : 0 }
    return c.constant(try Tensor.from(values, [rows, columns], c.dtype(q)))
  }

  /// Su et al., "RoFormer", 2021: pairs of numbers turned by an angle for each position.
  private static func rotary(_ c: OnnxCall) throws -> OnnxValue {
    let original = try c.input(0)
    let isFlat = try c.shape(original).rank == 3
    let x = isFlat ? try heads(c, original, try c.int("num_heads", 0)) : original
    let s = try c.shape(x)
    let open = try c.int("rotary_embedding_dim", 0)
    let size = open == 0 ? s[3] : open
    try c.require(size % 2 == 0 && size <= s[3], "turns \(size) of \(s[3]) numbers")
    func angles(_ i: Int) throws -> OnnxValue {
      let table = try c.has(3) ? c.emit(IndexSelect(axis: 0), c.input(i), c.input(3)) : c.input(i)
      return try c.emit(Unsqueeze(axis: 1), table)
    }
    let (cosine, sine) = (try angles(1), try angles(2))
    let turned = size == s[3] ? x : try c.emit(Slice(axis: 3, start: 0, count: size), x)
    let isInterleaved = try c.flag("interleaved")
    func half(_ i: Int) throws -> OnnxValue {
      try c.emit(
        Slice(axis: 3, start: isInterleaved ? i : i * size / 2, count: size / 2, step: isInterleaved ? 2 : 1),
        turned)
    }
    let (a, b) = (try half(0), try half(1))
    let real = try c.sub(c.mul(a, cosine), c.mul(b, sine))
    let imaginary = try c.add(c.mul(a, sine), c.mul(b, cosine))
    var y: OnnxValue
    if isInterleaved {
      let pairs = try c.emit(
        Concat(axis: 4), c.emit(Unsqueeze(axis: 4), real), c.emit(Unsqueeze(axis: 4), imaginary))
      y = try c.reshape(pairs, [s[0], s[1], s[2], size])
    } else {
      y = try c.emit(Concat(axis: 3), real, imaginary)
    }
    if size < s[3] {
      y = try c.emit(Concat(axis: 3), y, c.emit(Slice(axis: 3, start: size, count: s[3] - size), x))
    }
    return isFlat ? try joined(c, y) : y
  }
}
