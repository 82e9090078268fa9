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
  /// For each parameter.
  private var kept: [Kept]

  /// What stays from one step of a parameter to the next.
  private struct Kept {
    /// In the order of `bufferNames`; none before the first step.
    var buffers: [Tensor] = []
    /// Steps that changed the parameter: those in which it had a gradient.
    var steps = 0
  }

  init(kind: String, _ parameters: [Parameter], learningRate: Double) throws {
    try require(!parameters.isEmpty, kind, "there are no parameters to optimize")
    for parameter in parameters {
      let value = parameter.value
      try require(
        value.dtype.isFloatingPoint && value.isDense, kind,
        "parameters must be dense f32 or f64, got \(value.dtype) \(value.shape)")
    }
    try Self.requireMemoryOfTheirOwn(parameters, kind)
    self.kind = kind
    self.parameters = parameters
    self.learningRate = learningRate
    kept = Array(repeating: Kept(), count: parameters.count)
    try setLearningRate(learningRate)
  }

  /// Refuses a parameter that is listed twice: threads would write to it at once.
  private static func requireMemoryOfTheirOwn(_ parameters: [Parameter], _ kind: String) throws {
    let sorted = parameters.indices.filter { parameters[$0].value.count > 0 }.sorted {
      (parameters[$0].value.bytes, $0) < (parameters[$1].value.bytes, $1)
    }
    for (i, next) in zip(sorted, sorted.dropFirst()) {
      let value = parameters[i].value
      try require(
        value.bytes + value.byteCount <= parameters[next].value.bytes, kind,
        "parameters \(min(i, next) + 1) and \(max(i, next) + 1) of \(parameters.count) share memory "
          + "(\(value.dtype) \(value.shape)); list each tensor once")
    }
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
        pieces.append(try piece(i, value, gradient.inFormat(value.format)))
      } else {
        continue
      }
      changed.append(parameter)
    }
    update(pieces)
    // All have new numbers, whatever becomes of the promises of one.
    for piece in pieces { piece.value.storage.markChanged() }
    for parameter in changed { try parameter.enforceConstraints() }
  }

  public final func zeroGradients() { for parameter in parameters { parameter.value.grad = nil } }

  /// One step of the rows that have a gradient, as of a parameter of their own.
  private func updateRows(of parameter: Int, _ value: Tensor, _ gradient: RowGradient) throws {
    let whole = try piece(parameter, value, value)
    let part = Piece(
      value: try value.rows(gradient.rows), gradient: gradient.values,
      buffers: try whole.buffers.map { try $0.rows(gradient.rows) }, steps: whole.steps)
    update([part])
    value.replaceRows(gradient.rows, with: part.value)
    value.storage.markChanged()
    for (buffer, rows) in zip(whole.buffers, part.buffers) { buffer.replaceRows(gradient.rows, with: rows) }
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
    /// Steps of this parameter, with this one: with the first the buffers are new, and zero.
    let steps: Int
  }

  /// Neighbouring f32 numbers of a piece.
  struct Numbers {
    let count: Int
    let value, gradient: UnsafeMutablePointer<Float>
    /// nil where there are fewer buffers.
    let first, second: UnsafeMutablePointer<Float>?
    /// As in the piece.
    let steps: Int

    init(_ piece: Piece, _ range: Range<Int>) {
      func start(_ tensor: Tensor) -> UnsafeMutablePointer<Float> { tensor.floats + range.lowerBound }
      count = range.count
      (value, gradient) = (start(piece.value), start(piece.gradient))
      first = piece.buffers.first.map(start)
      second = piece.buffers.dropFirst().first.map(start)
      steps = piece.steps
    }
  }

  /// The next step of a parameter. Its buffers are zero at first and whenever a pass changed its shape or type.
  private func piece(_ parameter: Int, _ value: Tensor, _ gradient: Tensor) throws -> Piece {
    var now = kept[parameter]
    let goesOn = now.buffers.allSatisfy { $0.shape == value.shape && $0.dtype == value.dtype }
    if now.steps > 0 && goesOn {
      now.buffers = try now.buffers.map { try $0.inFormat(value.format) }
    } else {
      now.steps = 0
      now.buffers = try bufferNames.map { _ in
        try Tensor.zeros(value.shape, value.dtype, format: value.format)
      }
    }
    now.steps += 1
    kept[parameter] = now
    return Piece(value: value, gradient: gradient, buffers: now.buffers, steps: now.steps)
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

  /// Everything needed to go on later: for each parameter its buffers under `0.exp_avg`, `1.exp_avg`, ... and its
  /// steps under `0.step`, ...; the optimizer's under `step`.
  public final func state() throws -> [String: Tensor] {
    var result = ["step": try Tensor([], [Int64(stepCount)])]
    for (i, kept) in kept.enumerated() {
      result["\(i).step"] = try Tensor([], [Int64(kept.steps)])
      for (name, buffer) in zip(bufferNames, kept.buffers) { result["\(i).\(name)"] = try buffer.copy() }
    }
    return result
  }

  /// Goes on from a state saved by an optimizer of this kind over parameters of these shapes. One that does not say
  /// the steps of each parameter took them all together.
  public final func load(_ state: [String: Tensor]) throws {
    guard let steps = try Self.steps("step", in: state) else {
      throw ShapeError(kind, "the state has no step count; it was not saved by an optimizer")
    }
    try require(
      steps == 0 || state.count > 1 || bufferNames.isEmpty, kind,
      "the state holds a step count alone; it was saved by another kind of optimizer")
    try refuseOthers(state)
    let loaded = try parameters.indices.map { try parameter($0, of: state, after: steps) }
    (kept, stepCount) = (loaded, steps)
  }

  private static func steps(_ key: String, in state: [String: Tensor]) throws -> Int? {
    guard let tensor = state[key], tensor.count == 1 else { return nil }
    return Int(exactly: try tensor.item()).flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Refuses what no optimizer of this kind over as many parameters keeps.
  private func refuseOthers(_ state: [String: Tensor]) throws {
    for key in state.keys.sorted() where key != "step" {
      let parts = key.split(separator: ".", maxSplits: 1)
      guard parts.count == 2, let i = Int(parts[0]), parameters.indices.contains(i) else {
        throw ShapeError(kind, "the state holds '\(key)', but there are \(parameters.count) parameters")
      }
      try require(
        parts[1] == "step" || bufferNames.contains(String(parts[1])), kind,
        "the state holds '\(key)', which this optimizer does not keep; load it into one like that it came from"
      )
    }
  }

  /// What the state holds of a parameter.
  private func parameter(_ i: Int, of state: [String: Tensor], after steps: Int) throws -> Kept {
    let value = parameters[i].value
    let found = bufferNames.filter { state["\(i).\($0)"] != nil }
    let steps = try Self.steps("\(i).step", in: state) ?? (found.isEmpty ? 0 : steps)
    if steps == 0 && found.isEmpty { return Kept() }
    let buffers = try bufferNames.map { name in
      let key = "\(i).\(name)"
      guard let tensor = state[key] else {
        throw ShapeError(
          kind,
          "the state lacks '\(key)', which this optimizer keeps; load it into one like that it came from")
      }
      try require(
        tensor.shape == value.shape && tensor.dtype == value.dtype, kind,
        "'\(key)' in the state is \(tensor.dtype) \(tensor.shape), the parameter is \(value.dtype) \(value.shape)"
      )
      return try tensor.copy(format: value.format)
    }
    return Kept(buffers: buffers, steps: steps)
  }
}
