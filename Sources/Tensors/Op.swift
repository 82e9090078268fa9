/// One differentiable operation at the granularity of an ONNX operator.
///
/// An op is a value holding only its attributes; the tensors it reads stand beside it. One type, one file
/// under `Ops/`, with shape rule, forward, backward and cost together. `apply` runs it and, where a gradient
/// is wanted or a graph is being captured, remembers it as the `origin` of its result.
public protocol Op: Sendable {
  /// The name in messages and captured graphs: ONNX's or PyTorch's, in snake case.
  static var name: String { get }

  /// The shape of the result. Everything that can be wrong with the inputs' shapes is refused here, with a
  /// message that names both shapes; `forward` relies on it.
  func shape(of inputs: [Shape]) throws -> Shape

  /// The element type of the result; by default that of the first input.
  func dtype(of inputs: [DType]) throws -> DType

  /// Computes the result, of `context.shape` and `context.dtype`. What `backward` will need beyond the
  /// inputs goes to `context.save`.
  func forward(_ inputs: [Tensor], _ context: inout Context) throws -> Tensor

  /// The gradient of each input, given the gradient of the result (of its shape). nil where none flows
  /// (indices, statistics) or where `record.needs[i]` says that nobody asks.
  func backward(_ gradient: Tensor, _ record: Record) throws -> [Tensor?]

  /// Whether `backward` reads `record.output`.
  var keepsOutput: Bool { get }

  /// What running the op costs, for reports.
  func cost(of inputs: [Shape], output: Shape) -> Cost

  /// The op as it behaves in training or in evaluation; itself for all but dropout and batch norm.
  func mode(training: Bool) -> any Op

  /// This op and relu behind it as one op that passes over memory once; nil where there is none.
  var withRelu: (any Op)? { get }

  // Only extensions of this protocol implement these. They stand here so that each op has its own, compiled for
  // its type, whoever calls it.

  /// Runs the op on its inputs.
  func apply(_ inputs: [Tensor]) throws -> Tensor
  func apply(_ x: Tensor) throws -> Tensor
  func apply(_ a: Tensor, _ b: Tensor) throws -> Tensor
}

/// An op that moves statistics of its own in training: batch norm, observers of ranges.
public protocol StatisticsOp: Op {
  /// The op with its statistics as they are, in training as well.
  var frozen: any Op { get }
}

/// What a forward pass is told, and what it keeps for the way back.
public struct Context {
  public let shape: Shape
  public let dtype: DType
  /// Whether `backward` may follow, so that saving is worth while.
  public let recording: Bool
  public private(set) var saved: [Tensor] = []

  init(shape: Shape, dtype: DType, recording: Bool) {
    self.shape = shape
    self.dtype = dtype
    self.recording = recording
  }

  public mutating func save(_ tensors: Tensor...) { if recording { saved += tensors } }
}

/// What a backward pass is told.
public struct Record {
  public let inputs: [Tensor]
  /// What `forward` saved.
  public let saved: [Tensor]
  public let needs: Needs
  let result: Tensor?

  /// For an op whose gradient is that of another op on other inputs.
  public init(inputs: [Tensor], saved: [Tensor] = [], needs: Needs, output: Tensor? = nil) {
    self.inputs = inputs
    self.saved = saved
    self.needs = needs
    result = output
  }

  /// The result of `forward`; only for ops that declare `keepsOutput`.
  public var output: Tensor {
    guard let result else { preconditionFailure("an op that reads its output must declare keepsOutput") }
    return result
  }
}

/// For each input, whether its gradient is asked for.
public struct Needs: RandomAccessCollection, ExpressibleByArrayLiteral {
  public let endIndex: Int
  private var first: UInt64 = 0
  /// Of the inputs behind the first 64.
  private var others: [Bool] = []

  init(of inputs: [Tensor]) {
    endIndex = inputs.count
    for i in 0..<Swift.min(endIndex, 64) where inputs[i].wantsGradient { first |= 1 << UInt64(i) }
    if endIndex > 64 { others = inputs[64...].map(\.wantsGradient) }
  }

  public init(arrayLiteral needs: Bool...) {
    precondition(needs.count <= 64, "written by hand")
    endIndex = needs.count
    for (i, needed) in needs.enumerated() where needed { first |= 1 << UInt64(i) }
  }

  public var startIndex: Int { 0 }

  public subscript(i: Int) -> Bool { i < 64 ? first >> UInt64(i) & 1 == 1 : others[i - 64] }
}

/// Arithmetic work of one op.
public struct Cost: Sendable {
  /// Multiply-accumulate operations, padding taps included.
  public var macs: Int
  public init(macs: Int = 0) { self.macs = macs }

  /// The product of `factors`, none negative, or 2^53 where it is more: shapes of damaged files may multiply beyond
  /// any number, and such costs are still added up.
  public init(macsOf factors: Int...) {
    macs = Int(min(factors.reduce(1.0) { $0 * Double($1) }, 0x1p53))
  }
}

extension Op {
  public var name: String { Self.name }
  public var keepsOutput: Bool { false }
  public func dtype(of inputs: [DType]) throws -> DType { inputs[0] }
  public func cost(of inputs: [Shape], output: Shape) -> Cost { Cost() }
  public func mode(training: Bool) -> any Op { self }
  public var withRelu: (any Op)? { nil }

  public func apply(_ inputs: [Tensor]) throws -> Tensor {
    try run(
      dtype(of: inputs.map(\.dtype)), shape(of: inputs.map(\.shape)),
      wanted: inputs.contains { $0.wantsGradient }, inputs: inputs
    ) { try forward(inputs, &$0) }
  }
  public func apply(_ x: Tensor) throws -> Tensor { try apply([x]) }
  public func apply(_ a: Tensor, _ b: Tensor) throws -> Tensor { try apply([a, b]) }

  public func callAsFunction(_ x: Tensor) throws -> Tensor { try apply(x) }
  public func callAsFunction(_ a: Tensor, _ b: Tensor) throws -> Tensor { try apply(a, b) }
  @_disfavoredOverload
  public func callAsFunction(_ inputs: Tensor...) throws -> Tensor { try apply(inputs) }

  /// Computes the result of this type and shape, and remembers how where a gradient is wanted of an input or a
  /// graph is being captured.
  @inline(__always)
  func run(
    _ dtype: DType, _ shape: Shape, wanted: Bool, inputs: @autoclosure () -> [Tensor],
    forward: (inout Context) throws -> Tensor
  ) throws -> Tensor {
    let tape = ThreadState.current
    let recording = wanted && dtype.isFloatingPoint && tape.pointee.gradientsEnabled
    var context = Context(shape: shape, dtype: dtype, recording: recording)
    let output = try forward(&context)
    if recording || tape.pointee.isCapturing {
      output.origin = Origin(
        op: self, inputs: inputs(), saved: context.saved, output: output, wantsGradient: recording)
    }
    return output
  }

  /// The result with no record of where it came from: for use inside other ops.
  func evaluate(_ inputs: Tensor...) throws -> Tensor {
    let dtype = try dtype(of: inputs.map(\.dtype))
    var context = Context(shape: try shape(of: inputs.map(\.shape)), dtype: dtype, recording: false)
    return try forward(inputs, &context)
  }

  public func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws {
    if !condition { throw ShapeError(name, problem()) }
  }

  func requireAxis(_ axis: Int, of shape: Shape) throws {
    try require(
      axis >= 0 && axis < shape.rank,
      "\(shape) has \(shape.rank) dimensions, there is no dimension \(axis + 1)"
    )
  }
}
