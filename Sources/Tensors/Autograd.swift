extension Tensor {
  /// Adds to `grad` of every leaf that wants one the derivative of this tensor with respect to it.
  ///
  /// - Parameters:
  ///   - gradient: the gradient to start from, of this tensor's shape; 1 where this tensor is a scalar.
  ///   - retain: keep the record so that `backward` can run again; otherwise memory is freed on the way.
  public func backward(from gradient: Tensor? = nil, retain: Bool = false) throws {
    guard wantsGradient else {
      throw AutogradError(
        "backward: this tensor was not computed from any tensor that wants gradients "
          + "(set requires_grad on a leaf, and do not call it inside no_grad)")
    }
    let start = try startingGradient(gradient)
    try Tape.withoutGradients {
      try Backward(retain: retain).run(from: self, start)
    }
  }

  private func startingGradient(_ gradient: Tensor?) throws -> Tensor {
    guard let gradient else {
      guard count == 1 else {
        throw AutogradError(
          "backward: starts from one number, this tensor is \(shape); reduce it with sum() or mean()")
      }
      return try Tensor.full(shape, 1, dtype)
    }
    try require(
      gradient.shape == shape && gradient.dtype == dtype, "backward",
      "the gradient must be \(dtype) \(shape) like the tensor, got \(gradient.dtype) \(gradient.shape)")
    return gradient
  }

  /// Everything this tensor was computed from, each tensor after its inputs; iterative, so that a long
  /// chain does not overflow the stack.
  public func history(where wanted: (Tensor) -> Bool = { _ in true }) -> [Tensor] {
    var order: [Tensor] = []
    var seen: Set<ObjectIdentifier> = []
    var stack: [(tensor: Tensor, expanded: Bool)] = [(self, false)]
    while let (tensor, expanded) = stack.popLast() {
      if expanded {
        order.append(tensor)
        continue
      }
      guard wanted(tensor), seen.insert(ObjectIdentifier(tensor)).inserted else { continue }
      stack.append((tensor, true))
      for input in (tensor.origin?.inputs ?? []).reversed() { stack.append((input, false)) }
    }
    return order
  }
}

/// One walk back over the record, from the op recorded last to the first: when an op's turn comes, everything
/// computed from its result has delivered its share of the gradient.
private struct Backward {
  let retain: Bool
  /// Tensors that have a gradient to pass on.
  private var waiting = Queue()

  init(retain: Bool) { self.retain = retain }

  consuming func run(from root: Tensor, _ start: Tensor) throws {
    let state = ThreadState.current
    let precision = state.pointee.precision
    defer {
      state.pointee.precision = precision
      waiting.forgetGradients()  // of a walk that failed
    }
    try deliver(start, to: root)
    while let tensor = waiting.popLatest() {
      guard let origin = tensor.origin, let gradient = origin.gradient?.sum else { continue }
      origin.gradient = nil
      if tensor.requiresGrad { try tensor.accumulate(gradient) }
      let record = try origin.record()
      state.pointee.precision = origin.precision
      var contributions = try origin.op.backward(gradient, record)
      for i in 0..<min(contributions.count, record.inputs.count) where record.inputs[i].wantsGradient {
        try deliver(&contributions[i], to: record.inputs[i])
      }
      if !retain { origin.spend() }
    }
  }

  /// Leaves may take what is delivered, and a sum may be made where it lies.
  private mutating func deliver(_ contribution: inout Tensor?, to input: Tensor) throws {
    guard let origin = input.origin else {
      if input.takeAsGradient(&contribution) { return }
      if let contribution { try input.accumulate(contribution) }
      return
    }
    if case (let sum, false)? = origin.gradient, contribution?.shape == sum.shape,
      sum.mayBeTakenOver(by: &contribution), let total = contribution
    {
      try total.addInPlace(sum)
      origin.gradient = (total, owned: true)
    } else if let contribution {
      try deliver(contribution, to: input)
    }
  }

  private mutating func deliver(_ contribution: Tensor, to input: Tensor) throws {
    precondition(
      contribution.shape == input.shape, "gradient \(contribution.shape) of an input \(input.shape)")
    guard let origin = input.origin else { return try input.accumulate(contribution) }
    switch origin.gradient {
    case nil:
      origin.gradient = (contribution, owned: false)
      waiting.insert(input)
    case (let sum, true)?: try sum.addInPlace(contribution)
    case (let sum, false)?: origin.gradient = (try Add()(sum, contribution), owned: true)
    }
  }
}

/// Computed tensors, the one recorded last first: a binary heap.
private struct Queue {
  private var heap: [(moment: Int, tensor: Tensor)] = []

  mutating func insert(_ tensor: Tensor) {
    heap.append((tensor.origin?.moment ?? 0, tensor))
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2].moment < heap[child].moment {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popLatest() -> Tensor? {
    guard heap.count > 1 else { return heap.popLast()?.tensor }
    heap.swapAt(0, heap.count - 1)
    let latest = heap.removeLast().tensor
    var parent = 0
    while 2 * parent + 1 < heap.count {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1].moment > heap[child].moment { child += 1 }
      if heap[parent].moment >= heap[child].moment { break }
      heap.swapAt(parent, child)
      parent = child
    }
    return latest
  }

  func forgetGradients() { for (_, tensor) in heap { tensor.origin?.gradient = nil } }
}
