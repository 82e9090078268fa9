/// Scaled dot-product attention over several heads: `softmax(scale * q k^T + mask) v` for each (Vaswani et al.,
/// "Attention is all you need", 2017, section 3.2). ONNX Attention with inputs of three dimensions.
///
/// Inputs: q [N, T, heads * D], k [N, S, heads * D], v [N, S, heads * E], and optionally a mask that broadcasts to
/// [N, heads, T, S] and is added to the scores: 0 where a query may look, -inf where it may not. The result is
/// [N, T, heads * E].
public struct Attention: Op {
  public static let name = "attention"
  public let heads: Int
  /// 1 / sqrt(D) unless given.
  public let scale: Double?
  /// Whether query t looks at keys 0...t only.
  public let isCausal: Bool

  public init(heads: Int, scale: Double? = nil, isCausal: Bool = false) {
    (self.heads, self.scale, self.isCausal) = (heads, scale, isCausal)
  }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(
      s.count >= 3 && s.prefix(3).allSatisfy { $0.rank == 3 },
      "needs q, k and v of [N, positions, features], got \(s.map(\.description).joined(separator: ", "))")
    let (q, k, v) = (s[0], s[1], s[2])
    try require(
      heads > 0 && q[2] % heads == 0 && v[2] % heads == 0 && q[2] > 0,
      "\(q[2]) and \(v[2]) features do not divide into \(heads) heads")
    try require(
      q[0] == k[0] && k[0] == v[0] && q[2] == k[2] && k[1] == v[1] && k[1] > 0,
      "q \(q), k \(k) and v \(v) do not fit together")
    if s.count > 3 {
      let scores: Shape = [q[0], heads, q[1], k[1]]
      try require(
        Shape.broadcast(s[3], scores) == scores, "mask \(s[3]) does not broadcast to the scores \(scores)")
    }
    return [q[0], q[1], v[2]]
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  /// What the scores are multiplied with, for q of that shape.
  public func scale(for q: Shape) -> Double { scale ?? 1 / Double(q[2] / heads).squareRoot() }

  /// scale * q k^T, before any mask: [N, heads, T, S].
  public func scores(_ t: [Tensor]) throws -> Tensor {
    try MatMul()(split(scaled(t[0])), split(t[1]).matrixTransposed)
  }

  /// The queries take the factor, for there are fewer numbers in them than in the scores.
  private func scaled(_ q: Tensor) throws -> Tensor { try q * scale(for: q.shape) }

  private func masked(_ scores: Tensor, _ t: [Tensor]) throws -> Tensor {
    let given = t.count > 3 ? try scores + t[3] : scores
    return isCausal ? try given + causalMask(scores.shape, scores.dtype) : given
  }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (output, probabilities) = try Tape.withoutGradients {
      let probabilities = try Softmax(axis: 3)(masked(scores(t), t))
      return (try join(MatMul()(probabilities, split(t[2]))), probabilities)
    }
    context.save(probabilities)
    return output
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (q, k, v) = (
      try split(scaled(record.inputs[0])), try split(record.inputs[1]), try split(record.inputs[2])
    )
    let (p, dy) = (record.saved[0], try split(dy))
    let dP = try MatMul()(dy, v.matrixTransposed)
    let softmax = Record(inputs: [p], needs: [true], output: p)
    guard let dS = try Softmax(axis: 3).backward(dP, softmax)[0] else { preconditionFailure("was asked for") }
    var gradients: [Tensor?] = [
      record.needs[0] ? try scaled(join(MatMul()(dS, k))) : nil,
      record.needs[1] ? try join(MatMul()(dS.matrixTransposed, q)) : nil,
      record.needs[2] ? try join(MatMul()(p.matrixTransposed, dy)) : nil,
    ]
    if record.inputs.count > 3 {
      gradients.append(record.needs[3] ? try dS.summed(to: record.inputs[3].shape) : nil)
    }
    return gradients
  }

  public func cost(of s: [Shape], output: Shape) -> Cost {
    Cost(macsOf: s[0][0], s[0][1], s[1][1], s[0][2] + s[2][2])
  }

  /// [N, T, heads * D] to [N, heads, T, D], a view.
  private func split(_ x: Tensor) throws -> Tensor {
    let size = x.shape[2] / heads
    return x.view(
      [x.shape[0], heads, x.shape[1], size],
      strides: [x.strides[0], size * x.strides[2], x.strides[1], x.strides[2]])
  }

  /// Back again, as a copy.
  private func join(_ x: Tensor) throws -> Tensor {
    let rows = try x.permuted([0, 2, 1, 3]).contiguous()
    return try rows.reshaped([x.shape[0], x.shape[2], heads * x.shape[3]])
  }

  private func causalMask(_ scores: Shape, _ type: DType) throws -> Tensor {
    let (rows, columns) = (scores[2], scores[3])
    let mask = (0..<rows * columns).map { $0 % columns > $0 / columns ? -Double.infinity : 0 }
    return try Tensor([rows, columns], mask).converted(to: type)
  }
}
