/// A whole computation as one op whose inner results are not kept: the way back computes them again (Chen, Xu,
/// Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016).
///
/// Inputs: the tensors it is a function of first, then other leaves that it reads, such as weights. The leaves'
/// gradients are added to them directly. Random streams are replayed, and running statistics change once.
public struct Recompute: Op, @unchecked Sendable {
  public static let name = "recompute"
  private let body: ([Tensor]) throws -> Tensor
  private let arguments: Int
  private let streams: Random.Position
  private let resultShape: Shape
  private let resultType: DType
  private let result: Once

  /// What the first run gave, until `forward` has handed it on.
  private final class Once { var tensor: Tensor? }

  /// Runs `body` once on `arguments`, with nothing recorded, and gives its result a record of its own.
  public static func run(
    _ arguments: [Tensor], leaves: [Tensor], _ body: @escaping ([Tensor]) throws -> Tensor
  ) throws -> Tensor {
    if Tape.isCapturing || !Tape.gradientsEnabled { return try body(arguments) }
    let streams = Random.position
    let result = try Tape.withoutGradients { try body(arguments.map { $0.detached() }) }
    return try Recompute(body, arguments.count, streams, result).apply(arguments + leaves)
  }

  private init(
    _ body: @escaping ([Tensor]) throws -> Tensor, _ arguments: Int, _ streams: Random.Position,
    _ first: Tensor
  ) {
    (self.body, self.arguments, self.streams) = (body, arguments, streams)
    (resultShape, resultType, result) = (first.shape, first.dtype, Once())
    result.tensor = first.detached()
  }

  public func shape(of s: [Shape]) throws -> Shape { resultShape }

  public func dtype(of types: [DType]) throws -> DType { resultType }

  public func forward(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    if let first = result.tensor {
      result.tensor = nil
      return first
    }
    return try Tape.withoutGradients { try body(Array(t[..<arguments])) }
  }

  public func backward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let inputs = (0..<arguments).map { i in
      let input = record.inputs[i].detached()
      input.requiresGrad = record.needs[i]
      return input
    }
    let again = try Random.replaying(from: streams) {
      try Tape.recomputing { try Tape.withGradients { try body(inputs) } }
    }
    if again.wantsGradient { try again.backward(from: dy) }
    return record.inputs.indices.map { $0 < arguments ? inputs[$0].grad : nil }
  }
}
