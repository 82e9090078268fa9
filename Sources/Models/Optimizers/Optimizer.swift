import Tensors

/// Changes parameters along their gradients. Numbers mean what they mean in PyTorch.
///
/// A subclass says which buffers it keeps per parameter and how one parameter is changed. Of a table whose gradient
/// holds only some rows (`RowGradient`), the other rows and their buffers stay as they are, weight decay included: the
/// lazy form of the method, as PyTorch's SparseAdam.
open class Optimizer {
  /// The method's name: `sgd`, `adam`, `adamw`.
  public let kind: String
  public let parameters: [Parameter]
  public private(set) var learningRate: Double
  /// Steps taken so far.
  public private(set) var stepCount = 0
  /// For each parameter, its buffers by name.
  private var buffers: [[String: Tensor]]

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
    buffers = Array(repeating: [:], count: parameters.count)
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
    for (i, parameter) in parameters.enumerated() {
      let value = parameter.value
      if let gradient = value.rowGradient {
        try updateRows(value, gradient, &buffers[i])
      } else if let gradient = value.grad {
        try update(value, gradient.inFormat(value.format), &buffers[i])
      } else {
        continue
      }
      value.storage.markChanged()
      try parameter.enforceConstraints()
    }
  }

  /// One step of the rows that have a gradient, as of a parameter of their own.
  private func updateRows(_ value: Tensor, _ gradient: RowGradient, _ buffers: inout [String: Tensor]) throws
  {
    let part = try value.rows(gradient.rows)
    var partBuffers = try buffers.filter { $0.value.shape == value.shape }.mapValues {
      try $0.rows(gradient.rows)
    }
    try update(part, gradient.values, &partBuffers)
    value.replaceRows(gradient.rows, with: part)
    for (name, partBuffer) in partBuffers {
      try Self.buffer(name, like: value, in: &buffers).replaceRows(gradient.rows, with: partBuffer)
    }
  }

  public final func zeroGradients() { for parameter in parameters { parameter.value.grad = nil } }

  /// One step of one parameter, in place; `gradient` lies in memory as `value` does.
  func update(_ value: Tensor, _ gradient: Tensor, _ buffers: inout [String: Tensor]) throws {
    preconditionFailure("\(kind) must say how it updates")
  }

  /// The buffer called `name`, zero at first and whenever a pass changed the parameter's shape.
  static func buffer(_ name: String, like value: Tensor, in buffers: inout [String: Tensor]) throws -> Tensor
  {
    if let known = buffers[name], known.shape == value.shape { return known }
    let fresh = try Tensor.zeros(value.shape, value.dtype, format: value.format)
    buffers[name] = fresh
    return fresh
  }

  // MARK: Saving and resuming

  /// Everything needed to go on later: the buffers under `0.exp_avg`, `1.exp_avg`, ..., and `step`.
  public final func state() throws -> [String: Tensor] {
    var result = ["step": try Tensor([], [Int64(stepCount)])]
    for (i, named) in buffers.enumerated() {
      for (name, buffer) in named { result["\(i).\(name)"] = try buffer.copy() }
    }
    return result
  }

  /// Goes on from a state saved by an optimizer of this kind over parameters of these shapes.
  public final func load(_ state: [String: Tensor]) throws {
    guard let step = state["step"], step.count == 1, let steps = Int(exactly: try step.item()), steps >= 0
    else {
      throw ShapeError(kind, "the state has no step count; it was not saved by an optimizer")
    }
    var loaded = [[String: Tensor]](repeating: [:], count: parameters.count)
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
      loaded[i][String(parts[1])] = try tensor.copy(format: value.format)
    }
    (buffers, stepCount) = (loaded, steps)
  }
}
