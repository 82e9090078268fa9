import Tensors

/// Changes parameters along their gradients. Numbers mean what they mean in PyTorch.
///
/// A subclass says which buffers it keeps per parameter and how numbers are changed; those of all parameters are
/// changed in one pass that the threads share. Of a table whose gradient
/// holds only some rows (`RowGradient`), the other rows and their buffers stay as they are, weight decay included: the
/// lazy form of the method, as PyTorch's SparseAdam.
open class Optimizer {
  /// The method's name: `sgd`, `adam`, `adamw`.
  public let kind: String
  public let parameters: [Parameter]
  public private(set) var learningRate: Double
  /// Steps taken so far.
  public private(set) var stepCount = 0
  /// For each parameter, its buffers in the order of `bufferNames`; none before its first step.
  private var buffers: [[Tensor]]

  init(kind: String, _ parameters: [Parameter], learningRate: Double) throws {
    try require(!parameters.isEmpty, kind, "there are no parameters to optimize")
    for parameter in parameters {
      let value = parameter.value
      try require(
        value.dtype.isFloatingPoint && value.isDense, kind,
        "parameters must be dense f32 or f64, got \(value.dtype) \(value.shape)")
    }
    self.kind = kind
    self.parameters = parameters
    self.learningRate = learningRate
    buffers = Array(repeating: [], count: parameters.count)
    try setLearningRate(learningRate)
  }

  public final func setLearningRate(_ rate: Double) throws {
    try Self.check(rate, "lr", of: kind)
    learningRate = rate
  }

  /// Refuses a number that is negative or not finite.
  static func check(_ value: Double, _ argument: String, of kind: String, below bound: Double = .infinity)
    throws
  {
    let limit = bound == .infinity ? "" : " and below \(bound)"
    try require(
      value >= 0 && value < bound, kind,
      "argument '\(argument)' must be a number of at least 0\(limit) (got \(value))")
  }

  /// Changes every parameter that has a gradient, then makes its constraints hold again.
  public final func step() throws {
    stepCount += 1
    var pieces: [Piece] = []
    var changed: [Parameter] = []
    for (i, parameter) in parameters.enumerated() {
      let value = parameter.value
      if let gradient = value.rowGradient {
        try updateRows(of: i, value, gradient)
      } else if let gradient = value.grad {
        pieces.append(try piece(value, gradient.inFormat(value.format), &buffers[i]))
      } else {
        continue
      }
      changed.append(parameter)
    }
    update(pieces)
    for parameter in changed {
      parameter.value.storage.markChanged()
      try parameter.enforceConstraints()
    }
  }

  public final func zeroGradients() { for parameter in parameters { parameter.value.grad = nil } }

  /// One step of the rows that have a gradient, as of a parameter of their own.
  private func updateRows(of parameter: Int, _ value: Tensor, _ gradient: RowGradient) throws {
    let whole = try piece(value, value, &buffers[parameter])
    var rows = try whole.buffers.map { try $0.rows(gradient.rows) }
    let part = try value.rows(gradient.rows)
    var rest = try piece(part, gradient.values, &rows)
    rest.isFirst = whole.isFirst
    update([rest])
    value.replaceRows(gradient.rows, with: part)
    for (buffer, rows) in zip(whole.buffers, rows) { buffer.replaceRows(gradient.rows, with: rows) }
  }

  // MARK: What methods differ in

  /// The names, PyTorch's, of the buffers that each parameter has.
  var bufferNames: [String] { [] }

  /// One step of some f32 numbers, in place.
  func step(_ numbers: Numbers) { preconditionFailure("\(kind) must say how it updates") }

  /// The same of f64 numbers, as the formulas read.
  func stepInDouble(_ piece: Piece) { preconditionFailure("\(kind) must say how it updates") }

  /// A tensor to be changed, with its gradient and buffers, which lie in memory as it does.
  struct Piece {
    let value, gradient: Tensor
    let buffers: [Tensor]
    /// Whether the buffers are new, and zero.
    var isFirst: Bool
  }

  /// Neighbouring f32 numbers of a piece.
  struct Numbers {
    let count: Int
    let value, gradient: UnsafeMutablePointer<Float>
    /// nil where there are fewer buffers.
    let first, second: UnsafeMutablePointer<Float>?
    let isFirst: Bool

    init(_ piece: Piece, _ range: Range<Int>) {
      func start(_ tensor: Tensor) -> UnsafeMutablePointer<Float> { tensor.floats + range.lowerBound }
      count = range.count
      (value, gradient) = (start(piece.value), start(piece.gradient))
      first = piece.buffers.first.map(start)
      second = piece.buffers.dropFirst().first.map(start)
      isFirst = piece.isFirst
    }
  }

  /// With buffers that are zero at first and whenever a pass changed the parameter's shape.
  private func piece(_ value: Tensor, _ gradient: Tensor, _ buffers: inout [Tensor]) throws -> Piece {
    let isFirst = buffers.first?.shape != value.shape
    if isFirst {
      buffers = try bufferNames.map { _ in try Tensor.zeros(value.shape, value.dtype, format: value.format) }
    }
    return Piece(value: value, gradient: gradient, buffers: buffers, isFirst: isFirst)
  }

  /// One step of all pieces: the numbers of all are divided among the threads as if they lay one after the other.
  private func update(_ pieces: [Piece]) {
    var starts: [Int] = []
    var total = 0
    let single = pieces.filter { $0.value.dtype == .f32 }
    for piece in single {
      starts.append(total)
      total += piece.value.count
    }
    ThreadTeam.divide(total) { part in
      for (piece, start) in zip(single, starts) {
        let range = part.clamped(to: start..<start + piece.value.count)
        if !range.isEmpty { step(Numbers(piece, range.lowerBound - start..<range.upperBound - start)) }
      }
    }
    for piece in pieces where piece.value.dtype == .f64 { stepInDouble(piece) }
  }

  // MARK: Saving and resuming

  /// Everything needed to go on later: the buffers under `0.exp_avg`, `1.exp_avg`, ..., and `step`.
  public final func state() throws -> [String: Tensor] {
    var result = ["step": try Tensor([], [Int64(stepCount)])]
    for (i, kept) in buffers.enumerated() {
      for (name, buffer) in zip(bufferNames, kept) { result["\(i).\(name)"] = try buffer.copy() }
    }
    return result
  }

  /// Goes on from a state saved by an optimizer of this kind over parameters of these shapes.
  public final func load(_ state: [String: Tensor]) throws {
    guard let step = state["step"], step.count == 1, let steps = Int(exactly: try step.item()), steps >= 0
    else {
      throw ShapeError(kind, "the state has no step count; it was not saved by an optimizer")
    }
    var loaded = [[Tensor]](repeating: [], count: parameters.count)
    for (key, tensor) in state where key != "step" {
      let parts = key.split(separator: ".", maxSplits: 1)
      guard parts.count == 2, let i = Int(parts[0]), parameters.indices.contains(i) else {
        throw ShapeError(kind, "the state holds '\(key)', but there are \(parameters.count) parameters")
      }
      let value = parameters[i].value
      try require(
        tensor.shape == value.shape && tensor.dtype == value.dtype, kind,
        "'\(key)' in the state is \(tensor.dtype) \(tensor.shape), the parameter is \(value.dtype) \(value.shape)"
      )
      guard let place = bufferNames.firstIndex(of: String(parts[1])) else { continue }
      if loaded[i].isEmpty { _ = try piece(value, value, &loaded[i]) }
      loaded[i][place] = try tensor.copy(format: value.format)
    }
    (buffers, stepCount) = (loaded, steps)
  }
}
