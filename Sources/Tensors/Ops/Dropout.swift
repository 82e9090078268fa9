/// In training, sets each element to 0 with `probability` and scales the others by `1 / (1 - probability)`;
/// otherwise nothing (Srivastava et al., "Dropout", JMLR 2014). ONNX Dropout. Draws from the stream "dropout".
public struct Dropout: Op {
  public static let name = "dropout"
  public let probability: Double
  public let isTraining: Bool

  public init(_ probability: Double = 0.5, training: Bool = false) {
    (self.probability, isTraining) = (probability, training)
  }

  public func mode(training: Bool) -> any Op { Dropout(probability, training: training) }

  public func shape(of s: [Shape]) throws -> Shape {
    try require(probability >= 0 && probability <= 1, "probability must be from 0 to 1 (got \(probability))")
    return s[0]
  }

  public func dtype(of types: [DType]) throws -> DType { try floatingType(types) }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if !isTraining || probability == 0 { return t[0].detached() }
    let x = try t[0].dense()
    let factors = try factors(for: x)
    context.save(factors)
    return try Mul()(x.detached(), factors)
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    [record.saved.isEmpty ? dy : try Mul()(dy, record.saved[0])]
  }

  /// 0 or `1 / (1 - probability)` for each element.
  private func factors(for x: Tensor) throws -> Tensor {
    let factors = try Tensor(undefined: x.shape, x.dtype, format: x.format)
    x.dtype == .f64 ? draw(factors, Double.self) : draw(factors, Float.self)
    return factors
  }

  private func draw<T: BinaryFloatingPoint & Element>(_ factors: Tensor, _: T.Type) {
    let values = factors.pointer(T.self)
    let kept = probability < 1 ? T(1 / (1 - probability)) : 0
    let threshold = UInt64(probability * 0x1p32)
    Random.with("dropout") { generator in
      for i in 0..<factors.count { values[i] = UInt64(generator.next32()) < threshold ? 0 : kept }
    }
  }
}
