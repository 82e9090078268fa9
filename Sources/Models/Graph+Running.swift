import Tensors

extension Graph {
  /// A node to compute, and what nobody reads after it.
  struct Step {
    let id: ID
    let kind: Node.Kind
    var spent: [ID] = []
  }

  /// Runs the nodes in order and shows each result to `observe`; a value is let go after its last reader. Returns all
  /// outputs.
  @discardableResult
  public func replay(_ arguments: [Tensor], observe: (ID, Tensor) throws -> Void = { _, _ in }) throws
    -> [Tensor]
  {
    let steps = steps ?? makeSteps(fusing: false)
    self.steps = steps
    return try run(steps, arguments, observe: observe)
  }

  /// The same results where nobody looks at those in between: relu is computed by the node before it where that
  /// saves a pass over memory.
  func runFused(_ arguments: [Tensor]) throws -> [Tensor] {
    let steps = fusedSteps ?? makeSteps(fusing: true)
    fusedSteps = steps
    return try run(steps, arguments) { _, _ in }
  }

  private func makeSteps(fusing: Bool) -> [Step] {
    var result: [Step] = []
    var left: Set<ID> = []
    for id in order where !left.contains(id) {
      if fusing, let (user, kind) = fused(id) {
        left.insert(user)
        result.append(Step(id: user, kind: kind))
      } else {
        result.append(Step(id: id, kind: self[id].kind))
      }
    }
    var seen = Set(outputs)
    for position in result.indices.reversed() {
      guard case .apply(_, let reads) = result[position].kind else { continue }
      for id in reads where seen.insert(id).inserted { result[position].spent.append(id) }
    }
    return result
  }

  /// Relu behind a node that can do both at once: the relu's id, and what computes it.
  private func fused(_ id: ID) -> (ID, Node.Kind)? {
    guard let (op, reads) = operation(id), let user = onlyUser(of: id), operation(user)?.op is Relu,
      let both = op.withRelu
    else { return nil }
    return (user, .apply(both, reads))
  }

  private func run(_ steps: [Step], _ arguments: [Tensor], observe: (ID, Tensor) throws -> Void) throws
    -> [Tensor]
  {
    var values: [ID: Tensor] = [:]
    for step in steps {
      let value: Tensor
      switch step.kind {
      case .input(let n):
        try require(n < arguments.count, kind, "takes \(inputs.count) inputs, got \(arguments.count)")
        value = arguments[n]
      case .leaf(let parameter): value = parameter.value
      case .apply(let op, let reads):
        do {
          value = try op.mode(training: isTraining).apply(
            reads.map { id in
              guard let read = values[id] else { preconditionFailure("verify lets no node read ahead") }
              return read
            })
        } catch let error as ShapeError {
          throw ShapeError("node '\(self[step.id].name)'", "\(error)")
        }
      }
      try observe(step.id, value)
      values[step.id] = value
      for spent in step.spent { values[spent] = nil }
    }
    return try outputs.map { id in
      guard let result = values[id] else { throw ShapeError(kind, "the graph has no output") }
      return result
    }
  }
}
